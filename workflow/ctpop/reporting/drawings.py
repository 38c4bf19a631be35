"""All figures of a study, in the order in which the report shows them."""

from collections.abc import Iterator
from pathlib import Path

from ctpop.figures import (
    against_truth,
    age_by_sex,
    asymmetry,
    boxes,
    by_sex,
    export,
    failures,
    figure6,
    flow,
    losses,
    overview,
    scatter,
    sensitivity,
    small_multiples,
)
from ctpop.figures.export import Drawing
from ctpop.figures.finding import Finding, kruskal_lines, spearman_lines
from ctpop.figures.wording import MEASURES, count, structure_text
from ctpop.reporting import summaries
from ctpop.reporting.study import Study

# Their number and names follow from the configuration, so that files of an earlier one must go.
VARIABLE = (
    "structure_flow_p*",
    "scatter_*",
    "boxes_*",
    "figure_s3_p*",
    "spearman_groups",
    "failures_p*",
    "by_sex_p*",
    "asymmetry",
    "truth",
)


def draw_all(study: Study) -> Iterator[Drawing]:
    """Draw one figure after the other."""
    yield from draw_cohort(study)
    yield from draw_losses(study)
    yield from draw_chosen(study)
    table = study.tables["associations"]
    shown = overview.source(table, study.label_set)
    tested = int(shown["rho"].notna().sum())
    yield Drawing(
        "spearman_overview",
        "overview",
        f"Forest plot of {count(tested, 'Spearman correlation')} with age, by organ group; the table below lists them.",
        overview.draw(table, study.label_set, study.conventions),
        shown,
    )
    if study.label_set.groups:
        yield draw_groups(study)
    yield draw_sensitivity(study)
    yield from draw_failures(study)
    yield from draw_sexes(study)
    if study.left_and_right:
        yield draw_asymmetry(study)
    yield from draw_pages(study)
    if "truth" in study.tables:
        yield draw_truth(study)


def draw_cohort(study: Study) -> Iterator[Drawing]:
    """Draw who is in the study."""
    tables = study.tables
    steps = flow.source(tables)
    words = f"Flow diagram. {flow.summary(steps)}."
    yield Drawing("flow", "flow", words, flow.draw(steps, study.banner), steps)
    bars = age_by_sex.source(tables["cohort"])
    words = f"Histogram of the age of {count(len(tables['cohort']), 'scan')} by sex."
    yield Drawing("age_by_sex", "age_by_sex", words, age_by_sex.draw(tables["cohort"], study.banner), bars)


def draw_losses(study: Study) -> Iterator[Drawing]:
    """Draw the flow of every structure, on numbered pages."""
    names = study.label_set.names
    for number in range(1, losses.page_count(len(names)) + 1):
        part = losses.on_page(names, number)
        shown = losses.source(study.tables["structure_flow"], part)
        words = (
            f"Bars of how many of {count(len(study.tables['cohort']), 'scan')} entered the statistics, by structure."
        )
        yield Drawing(
            f"structure_flow_p{number:02d}", "structure_flow", words, losses.draw(shown, part, study.banner), shown
        )


def draw_chosen(study: Study) -> Iterator[Drawing]:
    """Draw the structures of the six-panel figure, together and each on its own."""
    findings = [study.findings[key] for key in study.chosen]
    words = " ".join(alt_of(finding, study.conventions.confidence) for finding in findings)
    picture = figure6.draw(findings, study.conventions)
    yield Drawing("figure6", "figure6", words, picture, figure6.source(findings))
    for finding in findings:
        name, words = f"{finding.structure}_{finding.measure}", alt_of(finding, study.conventions.confidence)
        picture = scatter.draw(finding, study.conventions)
        yield Drawing(f"scatter_{name}", "scatter", words, picture, scatter.source(finding))
        yield Drawing(f"boxes_{name}", "boxes", words, boxes.draw(finding, study.conventions), boxes.source(finding))


def draw_groups(study: Study) -> Drawing:
    """Draw the correlations of groups of structures."""
    table, groups = study.tables["associations"], study.label_set.combined
    shown = overview.source(table, groups)
    picture = overview.draw(table, groups, study.conventions, "Both sides, or unpaired")
    words = f"Forest plot of {count(int(shown['rho'].notna().sum()), 'Spearman correlation')} of groups with age."
    return Drawing("spearman_groups", "groups", words, picture, shown)


def draw_pages(study: Study) -> Iterator[Drawing]:
    """Draw every structure, and then the groups of them, on numbered pages."""
    names = study.analysed
    pages = small_multiples.page_count(len(names))
    for number in range(1, pages + 1):
        shown = small_multiples.on_page(names, number)
        findings = [study.findings[name, measure] for name in shown for measure in MEASURES]
        titles = ", ".join(finding.title for finding in findings[::2])
        yield Drawing(
            f"figure_s3_p{number:02d}",
            "figure_s3",
            f"Scatter plots of volume and attenuation over age: {titles}.",
            small_multiples.draw(findings, (number, pages), study.conventions),
            small_multiples.source(findings),
        )


def draw_sensitivity(study: Study) -> Drawing:
    """Draw correlations under each rule set."""
    shown = sensitivity.source(study.tables["sensitivity"], summaries.sensitive(study))
    words = (
        f"Forest plot of {count(len(shown), 'correlation')} with age under each rule set; the table below lists them."
    )
    return Drawing("sensitivity", "sensitivity", words, sensitivity.draw(shown, study.conventions), shown)


def draw_failures(study: Study) -> Iterator[Drawing]:
    """Draw what screening took away."""
    tables, names = study.tables, study.label_set.names
    shown = failures.source(tables["failures"], tables["structure_flow"], names)
    for number in range(1, failures.page_count(len(names)) + 1):
        rows = shown.iloc[(number - 1) * failures.PER_PAGE : number * failures.PER_PAGE]
        words = (
            f"Bars: volumes of {count(len(rows), 'structure')} that are not used, by reason; dots: who the people are."
        )
        picture = failures.draw(rows, study.banner)
        yield Drawing(f"failures_p{number:02d}", "failures", words, picture, rows)


def draw_sexes(study: Study) -> Iterator[Drawing]:
    """Draw volume and attenuation of women and men."""
    pages = by_sex.page_count(len(study.analysed))
    for number in range(1, pages + 1):
        names = study.analysed[(number - 1) * by_sex.PER_PAGE : number * by_sex.PER_PAGE]
        shown = by_sex.source(study.tables["analysis"], study.tables["cohort"], names)
        words = f"Box plots of volume and attenuation by sex: {', '.join(map(structure_text, names))}."
        picture = by_sex.draw(shown, (number, pages), study.banner)
        yield Drawing(f"by_sex_p{number:02d}", "by_sex", words, picture, shown)


def draw_asymmetry(study: Study) -> Drawing:
    """Draw the differences between left and right."""
    shown = asymmetry.source(study.tables["analysis"], study.left_and_right)
    words = f"Box plots of the asymmetry index of {count(len(shown), 'pair')} of structures."
    return Drawing("asymmetry", "asymmetry", words, asymmetry.draw(shown, study.banner), shown)


def draw_truth(study: Study) -> Drawing:
    """Draw measured against true values."""
    pairs = against_truth.source(study.tables["analysis"], study.tables["truth"], study.label_set)
    compared = study.tables["compare_truth"]
    picture = against_truth.draw(pairs, compared, study.label_set, study.conventions)
    inside, known = int(compared["truth_inside"].sum()), int(compared["truth_inside"].notna().sum())
    words = f"Measured against true values; the true correlation lies inside the interval in {inside} of {known}."
    return Drawing("truth", "truth", words, picture, pairs)


def save_all(drawings: Iterator[Drawing], folder: Path, dpi: int) -> list[Drawing]:
    """Write every figure, and remove those of an earlier configuration; return what was drawn."""
    drawn = []
    for drawing in drawings:
        export.save(drawing, folder, dpi)
        drawn.append(drawing)
    names = {drawing.name for drawing in drawn}
    for path in (path for pattern in VARIABLE for path in folder.glob(f"{pattern}.*")):
        if path.stem not in names and path.suffix[1:] in (*export.FORMATS, "csv"):
            path.unlink()
    return drawn


def alt_of(finding: Finding, confidence: float) -> str:
    """Return what a scatter plot and its box plots say, in words."""
    told = [*spearman_lines(finding, confidence), kruskal_lines(finding)[0]]
    return f"{finding.title}, {finding.axis}: {'; '.join(told)}.".replace("$", "")
