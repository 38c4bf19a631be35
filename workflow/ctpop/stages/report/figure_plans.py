"""Plans of all figures of a study, in the order of the report."""

from collections.abc import Iterator
from functools import partial

from ctpop.figures import (
    age_by_sex,
    asymmetry,
    boxes,
    by_sex,
    centiles,
    change_point,
    failures,
    figure6,
    figure_s3,
    flow,
    heatmap,
    published,
    scatter,
    sensitivity,
    spearman_overview,
    structure,
    structure_flow,
    truth,
    worms,
)
from ctpop.figures.association import Conventions, StructureFinding, kruskal_lines, spearman_lines
from ctpop.figures.catalog import pages_of
from ctpop.figures.export import Draw, Plan
from ctpop.figures.formatting import count, scans_in_words, structure_text
from ctpop.stages.report import summaries
from ctpop.stages.report.finished_study import FinishedStudy


def plans(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plans of all figures; none of the figures is drawn yet."""
    yield from of_cohort(study)
    yield from of_exclusions(study)
    yield from of_chosen(study)
    if "change_points" in study.tables:
        yield from of_change_points(study)
    yield from of_correlations(study)
    yield of_sensitivity(study)
    yield from of_failures(study)
    yield from of_sexes(study)
    if study.left_and_right:
        yield of_asymmetry(study)
    yield from of_pages(study)
    yield from of_structures(study)
    if "centile_worms" in study.tables:
        yield from of_worms(study)
    yield of_published(study)
    if "truth" in study.tables:
        yield of_truth(study)


def of_cohort(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plans of the flow diagram and the histograms of age."""
    tables = study.tables
    steps = flow.source(tables)
    words = f"Flow diagram of the scans in the study. {flow.summary(steps)}."
    yield Plan("flow", "flow", words, partial(flow.draw, steps, study.banner), steps.copy)
    patients = tables["cohort"]
    words = f"Histograms of age by sex for {_scans(study)}."
    draw, tell = partial(age_by_sex.draw, patients, study.banner), partial(age_by_sex.source, patients)
    yield Plan("age_by_sex", "age_by_sex", words, draw, tell)


def of_exclusions(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plans of the flow of every structure, on numbered pages."""
    names = study.label_set.names
    words = f"Stacked bars of the number of usable and excluded values among {_scans(study)}, by structure."
    for page, part in pages_of("structure_flow", names).items():
        shown = structure_flow.source(study.tables["structure_flow"], part)
        draw = partial(structure_flow.draw, shown, part, study.banner)
        yield Plan(page, "structure_flow", words, draw, shown.copy)


def of_chosen(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plans of the six-panel figure, of its individual panels, and of the corresponding centile curves."""
    findings, conventions = [study.findings[key] for key in study.chosen], study.conventions
    words = " ".join(alt_of(finding, conventions) for finding in findings)
    draw, tell = partial(figure6.draw, findings, conventions), partial(figure6.source, findings)
    yield Plan("figure6", "figure6", words, draw, tell)
    for finding in findings:
        name, words = f"{finding.structure}_{finding.measure}", alt_of(finding, conventions)
        for kind, panel in (("scatter", scatter), ("boxes", boxes)):
            draw, tell = partial(panel.draw, finding, conventions), partial(panel.source, finding)
            yield Plan(f"{kind}_{name}", kind, words, draw, tell)
    if "centiles" in study.tables:
        yield from (of_centiles(study, finding) for finding in findings)


def of_centiles(study: FinishedStudy, finding: StructureFinding) -> Plan:
    """Return the plan of the centile curves of one structure and measure."""
    shown = centiles.shown_of(finding, study.tables)
    words = f"Centile curves by age. {finding.title}, {finding.axis}. {centiles.summary(shown)}."
    draw, tell = partial(centiles.draw, finding, shown, study.conventions), partial(centiles.source, shown)
    return Plan(f"centiles_{finding.structure}_{finding.measure}", "centiles", words, draw, tell)


def of_change_points(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plans of the age curves with a change of slope."""
    for finding in [finding for name in study.config["aging"]["change_points"] for finding in study.pair(name)]:
        shown = change_point.shown_of(finding, study.tables)
        found = change_point.summary(shown, study.conventions.confidence)
        words = f"Age curves and their derivatives. {finding.title}, {finding.axis}. {found}."
        draw = partial(change_point.draw, finding, shown, study.conventions)
        name = f"change_point_{finding.structure}_{finding.measure}"
        yield Plan(name, "change_point", words, draw, partial(change_point.source, shown))


def of_correlations(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plans of the forest plots of structures and groups, and of the heat map by sex and after adjustment."""
    table, conventions = study.tables["associations"], study.conventions
    words = "Forest plot of {} with age, by organ group; the table below the figure lists all values."
    yield _forest(study, "spearman_overview", words, partial(spearman_overview.draw, table, study.label_set))
    if study.label_set.groups:
        words, black = "Forest plot of {} with age for groups of structures.", "Both sides or unpaired"
        draw = partial(spearman_overview.draw, table, study.label_set.combined, without_side=black)
        yield _forest(study, "spearman_groups", words, draw)
    cells = heatmap.source(study.tables, study.label_set)
    found = count(int(cells["rho"].notna().sum()), "Spearman correlation")
    words = f"Heat map of {found} with age for all patients, women, and men, and after adjustment."
    draw = partial(heatmap.draw, cells, study.label_set, conventions)
    yield Plan("heatmap", "heatmap", words, draw, cells.copy)


def of_pages(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plans of the scatterplots of every structure and group, on numbered pages."""
    pages = pages_of("figure_s3", study.analyzed)
    for number, (page, names) in enumerate(pages.items(), start=1):
        findings = [finding for name in names for finding in study.pair(name)]
        titles = ", ".join(finding.title for finding in findings[::2])
        words = f"Scatterplots of volume and attenuation by age: {titles}."
        draw = partial(figure_s3.draw, findings, (number, len(pages)), study.conventions)
        tell = partial(figure_s3.source, findings)
        yield Plan(page, "figure_s3", words, draw, tell)


def of_structures(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plan of a figure for every structure and group: volume and attenuation by age and age quartile."""
    for name in study.analyzed:
        findings = study.pair(name)
        words = " ".join(alt_of(finding, study.conventions) for finding in findings)
        draw, tell = partial(structure.draw, findings, study.conventions), partial(figure6.source, findings)
        yield Plan(f"structure_{name}", "structure", words, draw, tell)


def of_worms(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plan of the worm plots of the centile curves for every structure and group."""
    for name in study.analyzed:
        shown, states = worms.source(name, study.tables), worms.states_of(name, study.tables)
        words = f"Worm plots of centile curves. {structure_text(name)}. {worms.summary(states)}."
        draw = partial(worms.draw, name, shown, states, study.banner)
        yield Plan(f"worms_{name}", "worms", words, draw, shown.copy)


def of_sensitivity(study: FinishedStudy) -> Plan:
    """Return the plan of the forest plot of correlations in each sensitivity analysis."""
    shown = sensitivity.source(study.tables["sensitivity"], summaries.sensitive(study))
    found = count(len(shown), "correlation")
    words = f"Forest plot of {found} with age by sensitivity analysis; the table below the figure lists all values."
    draw = partial(sensitivity.draw, shown, study.conventions)
    return Plan("sensitivity", "sensitivity", words, draw, shown.copy)


def of_failures(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plans of excluded volumes and characteristics of the affected patients, on numbered pages."""
    tables, names = study.tables, study.label_set.names
    shown = failures.source(tables["failures"], tables["structure_flow"], names)
    for page, part in pages_of("failures", names).items():
        rows = shown.loc[shown["structure"].isin(part)].reset_index(drop=True)
        words = (
            f"Bars of excluded volumes of {count(len(rows), 'structure')} by reason, and dots of the mean age and the"
            " percentage of women among patients with usable and with excluded volumes."
        )
        draw = partial(failures.draw, rows, study.banner)
        yield Plan(page, "failures", words, draw, rows.copy)


def of_sexes(study: FinishedStudy) -> Iterator[Plan]:
    """Yield the plans of box plots of volume and attenuation by sex, on numbered pages."""
    pages = pages_of("by_sex", study.analyzed)
    whole = by_sex.source(study.tables["analysis"], study.tables["cohort"], study.analyzed)
    for number, (page, names) in enumerate(pages.items(), start=1):
        shown = whole.loc[whole["structure"].isin(names)].reset_index(drop=True)
        words = f"Box plots of volume and attenuation by sex: {', '.join(map(structure_text, names))}."
        draw = partial(by_sex.draw, shown, (number, len(pages)), study.banner)
        yield Plan(page, "by_sex", words, draw, shown.copy)


def of_asymmetry(study: FinishedStudy) -> Plan:
    """Return the plan of the box plots of left-right asymmetry."""
    shown = asymmetry.source(study.tables["analysis"], study.left_and_right, study.tables["cohort"])
    words = f"Box plots of the left-right asymmetry index of {count(len(shown), 'pair')} of structures."
    return Plan("asymmetry", "asymmetry", words, partial(asymmetry.draw, shown, study.banner), shown.copy)


def of_published(study: FinishedStudy) -> Plan:
    """Return the plan of the comparison with the correlations of the original study."""
    shown = published.source(study.tables["compare_published"])
    summary = published.summary(shown)
    words = f"Scatterplot and list of correlations with age in the original study and in this study: {summary}."
    draw = partial(published.draw, shown, study.conventions)
    return Plan("published", "published", words, draw, shown.copy)


def of_truth(study: FinishedStudy) -> Plan:
    """Return the plan of the comparison of measured and true values."""
    tables = study.tables
    pairs = truth.pairs_of(tables["analysis"], tables["truth"], study.label_set, tables["cohort"])
    compared = study.tables["compare_truth"]
    draw = partial(truth.draw, pairs, compared, study.label_set, study.conventions)
    inside, known = int(compared["truth_inside"].sum()), int(compared["truth_inside"].notna().sum())
    words = (
        "Scatterplots of measured versus true values, and forest plots of correlations with age; the confidence"
        f" interval contains the true correlation in {inside} of {count(known, 'comparison')}."
    )
    return Plan("truth", "truth", words, draw, partial(truth.source, pairs))


def alt_of(finding: StructureFinding, conventions: Conventions) -> str:
    """Return the alternative text of a scatterplot and the corresponding box plots."""
    found = spearman_lines(finding, conventions.confidence, repeated=conventions.repeated)
    lines = [*found, kruskal_lines(finding, repeated=conventions.repeated)[0]]
    axis = finding.axis[:1].lower() + finding.axis[1:]
    return f"{finding.title}, {axis}, by age: {'; '.join(lines)}.".replace("$", "")


def _scans(study: FinishedStudy) -> str:
    """Return the number of scans in the study: `320 scans`, or `320 scans of 80 patients`."""
    return scans_in_words(len(study.tables["cohort"]), study.n_patients)


def _forest(study: FinishedStudy, name: str, words: str, draw: Draw) -> Plan:
    label_set = study.label_set if name == "spearman_overview" else study.label_set.combined
    shown = spearman_overview.source(study.tables["associations"], label_set)
    tested = count(int(shown["rho"].notna().sum()), "Spearman correlation")
    return Plan(name, name, words.format(tested), partial(draw, conventions=study.conventions), shown.copy)
