"""Parts of a manuscript: results section, table of associations, and checklists; tables contain every number."""

import csv
import re

import docx
import numpy as np
import pandas as pd
import pytest

from ctpop.documents import manuscript_files
from ctpop.documents.manuscript_files import Document
from ctpop.figures import captions, catalog
from ctpop.stages.report import age_sentences, manuscript, pages, structure_lists, structure_pages, summaries
from ctpop.stages.report import command as report
from ctpop.stages.report.figure_plans import plans
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.provenance import provenance
from ctpop.stats.power import detectable_rho
from ctpop.study import configuration
from support import study_tables

LABELS = study_tables.label_set(n_pairs=2, n_single=2)


def study(n=200, banner="synthetic", **changes):
    tables = study_tables.study(study_tables.registry(n), LABELS)
    config = configuration.validated(
        {
            "study": {"name": "made_up", "registry": "registry.csv", **({"banner": banner} if banner else {})},
            "structures": "demo",
            "segment": {"model": "demo"},
            **changes,
        }
    )
    config["report"]["figure6"] = [["organ_1", "volume_ml"]]
    return FinishedStudy(config, LABELS, tables)


def results(made):
    return manuscript.results_text(made, pages.templates().get_template("results.md"))


@pytest.fixture(scope="module")
def made():
    return study()


def test_the_results_contain_the_counts_of_the_tables(made):
    text = results(made)
    own = made.tables["associations"].loc[made.tables["associations"]["family"] == "structures"]
    n, significant = int(own["rho"].notna().sum()), int(own["significant"].sum())

    assert f"The study sample included {len(made.tables['cohort'])} scans of 200 patients (median age, " in text
    assert (
        f"Of {n} correlations with age, {significant} ({100 * significant / n:.0f}%) were significant (P < .0001, test"
        " of independence of value and age)."
    ) in text


def test_the_results_contain_the_exclusions_with_reasons_and_the_methods_only_the_reasons(made):
    patients = study_tables.registry(60)
    patients.loc[:5, "complete"] = False
    patients.loc[6, "age_years"] = float("nan")
    found = FinishedStudy(study().config, LABELS, study_tables.study(patients, LABELS))

    assert "No scan in the registry was excluded." in results(made)
    assert "Of 60 scans in the registry, 7 were excluded: age not known (n = 1) and images incomplete (n = 6)." in (
        results(found)
    )
    methods = text_of_methods(found)
    assert "applied in this order: age not known, images incomplete, and no contrast agent given." in methods
    assert "(n = " not in methods


def test_the_strongest_correlation_is_first_with_interval_p_and_n(made):
    all_of = made.tables["associations"]
    own = all_of.loc[all_of["family"].eq("structures") & all_of["measure"].eq("volume_ml") & all_of["significant"]]
    best = own.loc[own["rho"].abs().idxmax()]

    assert len(own)
    first = age_sentences.strongest(own, made)[0]
    assert first.startswith(age_sentences.in_a_sentence(best["structure"]))
    assert f"n = {best['n']}" in first
    assert re.search(r"ρ = −?\.\d\d; 95% CI: −?\.\d\d, −?\.\d\d; P", first)


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        ("hip_left", "the left hip bone"),
        ("autochthon_right", "the right autochthonous back muscles"),
        ("vertebrae_L3", "vertebra L3"),
    ],
)
def test_a_sentence_names_a_structure_with_its_article(structure, words):
    assert age_sentences.in_a_sentence(structure) == words


def test_the_banner_is_in_the_results_and_on_the_table_or_on_neither(made):
    assert ": synthetic." in results(made)
    assert "synthetic" not in results(study(banner=None))
    assert "synthetic" in manuscript_files.as_html(manuscript.association_document(made))
    assert "synthetic" not in manuscript_files.as_html(manuscript.association_document(study(banner=None)))


def test_a_study_without_results_has_a_sentence_for_it():
    assert "No structure had enough usable values" in results(study(n=4))


def test_the_table_has_every_structure_group_and_measure_in_label_order(made):
    cells = manuscript.association_document(made).cells

    assert len(cells) == len(made.tables["associations"])
    assert list(cells["Structure"])[::2] == [manuscript.structure_text(name) for name in made.analyzed]
    assert list(cells["Measure"])[:2] == ["Volume", "Attenuation"]


def test_csv_html_and_docx_contain_the_same_cells(made, tmp_path):
    document = manuscript.association_document(made)
    manuscript_files.write(document, tmp_path, "table")
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    table = docx.Document(str(tmp_path / "table.docx")).tables[0]

    assert [[cell.text for cell in row.cells] for row in table.rows] == rows
    assert pd.read_html(tmp_path / "table.html", keep_default_na=False)[0].astype(str).shape == document.cells.shape


def test_equal_tables_give_equal_bytes(made):
    document = manuscript.association_document(made)

    assert manuscript_files.as_docx(document) == manuscript_files.as_docx(document)


def test_text_of_a_table_is_escaped_in_html():
    hostile = "<img src=x onerror=alert(1)>"
    page = manuscript_files.as_html(Document(hostile, pd.DataFrame({hostile: [hostile]}), (hostile,), hostile))

    assert "<img" not in page
    assert page.count("&lt;img") == 6


@pytest.mark.parametrize(("name", "items"), [("strobe", 32), ("claim", 44)])
def test_a_checklist_has_every_item_with_its_files_and_the_task_of_the_author(name, items, tmp_path):
    table = manuscript.checklist(name, tmp_path)

    assert len(table) == items == table["item"].nunique()
    assert table[["item", "topic", "asks_for", "author"]].ne("").all(axis=None)
    assert table["answered_in"].eq("").all()  # an empty folder contains no answers


def test_a_checklist_names_only_existing_files(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "flow.csv").write_text("order\n", encoding="utf-8")
    table = manuscript.checklist("strobe", tmp_path).set_index("item")["answered_in"]

    assert table["6a"] == table["13a"] == "tables/flow.csv"
    assert table.drop(["6a", "13a"]).eq("").all()


def numbers_of(tables, digits):
    """Return every number of the tables as it is printed with the given number of decimals."""
    columns = [table[name] for table in tables for name in table.select_dtypes("number").columns]
    values = np.concatenate([column.dropna().to_numpy(float) for column in columns])
    return {f"{abs(value):.{digits}f}".lstrip("0") or "0" for value in values if np.isfinite(value)}


def counts_of(made):
    """Return every count that the results may contain, computed from the tables without functions of the report."""
    tables, names = made.tables, LABELS.names
    rows = {name: table for name, table in tables.items() if "structure" in table.columns}
    own = {name: table.loc[table["structure"].isin(names)] for name, table in rows.items()}
    groups = own["groups"]["p"].dropna()
    published = tables["compare_published"]
    agreed = published.loc[published["distinct"], "outcome"].value_counts()
    normality, curves = own["normality"]["p"].dropna(), own["age_curves"].dropna(subset="p")
    sets = own["centile_calibration"].query("band == 'all'")
    by_sex = own["associations_by_sex"].dropna(subset="rho")
    deciding = by_sex["p_independence"].fillna(by_sex["p_rho0"])
    quade = own["rank_ancova"]["p"].dropna()
    found = [
        *(len(normality), (normality < 0.05).sum(), len(own["measures"])),
        *curves.groupby(["term", "measure"]).size(),
        *curves[curves["p"] < 1e-4].groupby(["term", "measure"]).size(),
        *(own[name][column].notna().sum() for name, column in (("adjusted", "rho"), ("posthoc", "p"))),
        *(len(tables["cohort"]), len(names), tables["flow"]["n_before"].iloc[0], *tables["flow"]["n_removed"]),
        *tables["cohort"]["sex"].value_counts(),
        own["measures"].loc[own["measures"]["status"] == "measured", "scan_id"].nunique(),
        *own["analysis"]["measure"].value_counts(),
        *(own["associations"]["rho"].notna().sum(), own["associations"]["significant"].sum()),
        *own["associations"]["n"],
        *(len(groups), (groups < 1e-4).sum(), *agreed, agreed.sum()),
        *(len(sets), sets["model"].notna().sum(), sets["misfit"].eq(True).sum()),
        *made.tables["sex_differences"]["age_years"],
        *(
            len(quade),
            (quade < 1e-4).sum(),
            *by_sex.groupby("sex").size(),
            *by_sex[deciding < 1e-4].groupby("sex").size(),
        ),
    ]
    return {str(int(n)) for n in found}


def rounded(table, *columns):
    """Return the absolute values of the results of single structures, with one decimal."""
    values = np.abs(table.loc[table["structure"].isin(LABELS.names), list(columns)].to_numpy(float))
    return {f"{value:.1f}" for value in values[np.isfinite(values)]}


def medians_by_sex(made):
    table = made.tables["associations_by_sex"]
    own = table.loc[table["structure"].isin(LABELS.names)]
    return own["rho"].abs().groupby(own["sex"]).median()


def test_every_number_of_the_results_is_in_a_table_or_a_count_of_its_rows(made):
    own = made.tables["associations"].loc[made.tables["associations"]["structure"].isin(LABELS.names)]
    ages = np.percentile(made.tables["cohort"]["age_years"].dropna(), [25, 50, 75])
    adjusted = made.tables["adjusted"].loc[made.tables["adjusted"]["structure"].isin(LABELS.names)]
    differences = adjusted["rho"] - adjusted["rho_crude"]
    tests = [len(own), made.tables["posthoc"]["structure"].isin(LABELS.names).sum()]
    known = {
        ".01",  # differences below are stated as less than .01
        *counts_of(made),
        *numbers_of([own, made.tables["sensitivity"], made.tables["rank_ancova"]], 2),
        *(f"{middle:.2f}".lstrip("0") for middle in medians_by_sex(made)),
        *(f"{age:.1f}" for age in ages),
        *(f"{detectable_rho(n, 1e-4, 0.8):.3f}".lstrip("0") for n in (own["n"].min(), own["n"].max())),
        *(f"{abs(value):.2f}".lstrip("0") for value in (differences.median(), differences.min(), differences.max())),
        *(f"{n * 1e-4:.4f}".lstrip("0") for n in tests),
        *rounded(made.tables["age_effects"], "effect", "ci_low", "ci_high"),
        *rounded(made.tables["sex_differences"], "difference", "ci_low", "ci_high"),
        *(age for window in made.tables["age_effects"]["window"].unique() for age in window.split("-")),
    }

    text = re.sub(r"95% CI|80% power|\.0001|organ \d|muscle \d|[\[(]\d+(\.\d)?%[\])]", "", results(made))
    found = re.findall(r"(?<![\w.])\.?\d(?:[\d,]*\d)?(?:\.\d+)?", text)
    assert len(found) > 30
    assert [word for word in found if word.replace(",", "") not in known] == []


def test_text_becomes_a_word_file_with_headings_paragraphs_and_an_italic_p(tmp_path):
    manuscript_files.write_prose("## Results\n\nOne (P < .001) P.\n\n### More\nTwo P values.\n", tmp_path, "results")
    word = docx.Document(str(tmp_path / "results.docx"))

    assert [(part.style.name, part.text) for part in word.paragraphs] == [
        ("Heading 1", "Results"),
        ("Normal", "One (P < .001) P."),
        ("Heading 2", "More"),
        ("Normal", "Two P values."),
    ]
    assert [run.text for run in word.paragraphs[1].runs] == ["One (", "P", " < .001) P."]
    assert [bool(run.italic) for run in word.paragraphs[1].runs] == [False, True, False]
    assert manuscript_files.prose_as_docx("One.") == manuscript_files.prose_as_docx("One.")


@pytest.mark.parametrize("name", manuscript.NAMES)
def test_an_item_of_a_checklist_without_a_file_has_a_task_for_the_author(name):
    items = pd.read_csv(manuscript.CHECKLISTS / f"{name}.csv", dtype=str, keep_default_na=False)
    places = items["answered_in"].str.split("; ").explode()

    assert set(places.str.rpartition("/")[0]) <= {"", "report", "tables", "figures"}
    assert items.loc[items["answered_in"].eq(""), "author"].ne("Check").all()


def repeated(n=200, per_patient=4):
    patients = study_tables.registry(n)
    sexes = [patients["sex"].iloc[number - number % per_patient] for number in range(n)]
    patients = patients.assign(patient_id=[f"p{number // per_patient}" for number in range(n)], sex=sexes)
    found = study(n)
    return FinishedStudy(found.config, LABELS, study_tables.study(patients, LABELS))


def test_repeated_patients_are_in_the_results_with_every_n_and_in_the_note_of_table_2():
    made = repeated()
    scans, patients = len(made.tables["cohort"]), made.tables["cohort"]["patient_id"].nunique()

    document = manuscript.association_document(made)

    assert summaries.BY_PATIENT in results(made)
    assert f"The study included {scans} scans of {patients} patients. {summaries.BY_PATIENT}" in document.notes[0]
    assert document.cells["n"].str.fullmatch(r"\d+ scans of \d+ patients").all()


def test_table_2_names_the_tests_of_the_study_and_its_age_groups(made):
    one, several = (manuscript.association_document(found) for found in (made, repeated()))
    grouped = study(aging={"cut_years": [40, 60, 80]})

    assert "H = Kruskal-Wallis statistic for age quartiles" in one.notes[0]
    assert "the second tests that value and age are independent" in one.notes[0]
    assert "Q = statistic of the score test by patient for age quartiles" in several.notes[0]
    assert "independent" not in several.notes[0]
    assert "P (independence)" not in several.cells
    assert "H = Kruskal-Wallis statistic for age groups" in manuscript.association_document(grouped).notes[0]


def test_pages_name_the_test_of_the_age_groups(made):
    def page_of(found):
        return next(structure_pages.pages(found)).grids

    rows = [row.name for row in page_of(repeated())[0].rows]
    assert "Score statistic <i>Q</i> by patient" in rows
    assert "Kruskal-Wallis <i>H</i>" not in rows
    assert "Kruskal-Wallis <i>H</i>" in [row.name for row in page_of(made)[0].rows]
    titles = [grid.title for grid in page_of(study(aging={"cut_years": [40, 60, 80]}))]
    assert "Pairwise comparisons of age groups" in titles


def test_the_steps_of_the_flow_contain_patient_counts_if_patients_are_repeated(made):
    flow = repeated().tables["flow"]

    found = summaries.flow(repeated())

    assert [step for step, *_ in found] == flow["sentence"].to_list()
    assert found[0][1:] == ("200 scans of 50 patients", "0", "200 scans of 50 patients")
    assert summaries.flow(made)[0][1:] == ("200", "0", "200")


def test_the_overlap_of_criteria_contains_patient_counts_if_patients_are_repeated():
    patients = study_tables.registry(60).assign(patient_id=[f"p{number // 3}" for number in range(60)])
    patients.loc[:2, "age_years"] = float("nan")
    patients.loc[:5, "complete"] = False
    made = FinishedStudy(study().config, LABELS, study_tables.study(patients, LABELS))

    (_, age), (_, complete), _ = summaries.overlap(made)

    assert age[:2] == ["3 scans of 1 patient", "3 scans of 1 patient"]
    assert complete[:2] == ["3 scans of 1 patient", "6 scans of 2 patients"]
    assert "(n = 3 scans of 1 patient)" in results(made)


SCANS_OF_PATIENTS = r"(\d[\d,]*) scans of (\d[\d,]*) patients"


def text_of_methods(made):
    return report.methods_text(made, provenance(made))


def test_texts_contain_patients_and_scans_of_every_step_and_sex():
    made = repeated()
    women = made.tables["cohort"].query("sex == 'female'")
    n, n_patients = len(women), women["patient_id"].nunique()

    text = results(made)
    assert n > n_patients
    shares = [f"{100 * part / 50:.0f}%" for part in (n_patients, 50 - n_patients)]
    assert "The study sample included 200 scans of 50 patients (median age at the time of the scan, " in text
    assert f"{n_patients} women [{shares[0]}] and {50 - n_patients} men [{shares[1]}])." in text
    assert "Label maps were available for all 200 scans" in text
    assert (
        "With 50 patients, the study had 80% power to detect a correlation of .605 in size (two-sided α = .0001)."
        in text
    )
    methods = text_of_methods(made)
    assert "The registry contained 200 scans of 50 patients." in methods
    assert "Patients could contribute more than one scan." in methods


def test_texts_of_one_scan_per_patient_contain_only_numbers_of_scans(made):
    assert "The study sample included 200 scans of 200 patients (median age, " in results(made)
    assert not re.search(
        SCANS_OF_PATIENTS, (results(made) + text_of_methods(made)).replace("200 scans of 200 patients", "")
    )


@pytest.mark.parametrize("per_patient", [4, 1])
def test_every_n_of_a_page_of_a_structure_has_patient_counts_if_patients_are_repeated(made, per_patient):
    found = repeated() if per_patient > 1 else made
    page = next(structure_pages.pages(found))
    expected = SCANS_OF_PATIENTS if per_patient > 1 else r"\d[\d,]*"
    headings = ("n", "Excluded", "Scans within<br>5 years", "Scans", "Usable")

    seen = 0
    for grid in [*page.grids, structure_lists.associations(found, "structures")]:
        places = [place for place, head in enumerate(grid.heads) if head.label in headings]
        for cell in (row.cells[place - 1] for row in grid.rows for place in places):
            seen += 1
            one_each = grid.title == "Sensitivity analyses" and cell.text == "50"  # one scan per patient
            assert re.fullmatch(expected, cell.text) or cell.text in ("0", "1") or one_each, (grid.title, cell.text)
    assert seen > 20


def test_the_lists_of_screening_and_sensitivity_state_patients_if_patients_are_repeated(made):
    several, alone = (structure_lists.screening(found).rows[0].cells[1].text for found in (repeated(), made))
    assert (several, alone) == ("200 scans of 50 patients", "200")
    several, alone = (structure_lists.sensitivity(found).rows[0].cells[1].text for found in (repeated(), made))
    assert several.endswith("(n = 200 scans of 50 patients)")
    assert alone.endswith("(n = 200)")


def test_alternative_texts_and_captions_state_patients_if_patients_are_repeated(made):
    kinds = ("flow", "age_by_sex", "structure_flow", "figure6", "scatter", "boxes", "structure")
    several, alone = ([plan for plan in plans(found) if plan.kind in kinds] for found in (repeated(), made))

    assert all(re.search(SCANS_OF_PATIENTS, plan.alt) for plan in several)
    assert not any("patient" in plan.alt for plan in alone)
    values = captions.CaptionValues(0.95, 1e-4, 200, 50), captions.CaptionValues(0.95, 1e-4, 200, 200)
    for kind in catalog.KINDS:
        assert [captions.REPEATED in captions.html(kind, value) for value in values] == [True, False]


def test_the_results_contain_n_of_every_criterion(made):
    patients = study_tables.registry(60)
    patients.loc[:5, "complete"] = False
    single = FinishedStudy(study().config, LABELS, study_tables.study(patients, LABELS))

    assert "6 were excluded: images incomplete (n = 6)." in results(single)


def test_the_methods_state_the_assumption_about_scans_without_patient_id():
    found = study()
    cohort = found.tables["cohort"]
    unknown = FinishedStudy(found.config, LABELS, {**found.tables, "cohort": cohort.assign(patient_id=None)})

    assert "each scan was assumed to represent a different patient" in report.methods_text(unknown, provenance(unknown))
    assert "assumed to represent" not in report.methods_text(found, provenance(found))


def test_a_study_of_one_scan_per_patient_has_no_note_on_repeated_patients(made):
    assert summaries.BY_PATIENT not in results(made)
    assert manuscript.association_document(made).cells["n"].str.fullmatch(r"\d+").all()


def test_methods_describe_repeated_scans_and_intervals_of_effect_sizes_only_where_they_apply(made):
    once, several = text_of_methods(made), text_of_methods(repeated())

    assert "the variance of DeLong et al (" in once
    assert "the variance for clustered data of Obuchowski (" in several
    assert "linear mixed models" not in once
    assert "linear mixed models of the attenuation or of the natural logarithm of the volume" in several
    assert "the change within patients per decade differed from" in results(repeated())


def test_methods_of_a_study_without_usable_values_do_not_describe_tests_of_age_groups():
    found = study(60)
    groups = found.tables["groups"].assign(p=float("nan"))
    nothing = FinishedStudy(found.config, LABELS, {**found.tables, "groups": groups})

    assert "Kruskal-Wallis" in text_of_methods(found)
    assert "Kruskal-Wallis" not in text_of_methods(nothing)


def test_table_2_and_the_report_contain_the_effect_per_decade_of_every_row(made):
    document, grid = manuscript.association_document(made), structure_lists.associations(made, "structures")
    effects = made.tables["age_effects"].query("window == '30-80' and sex == 'standardized' and adjusted_for == 'none'")

    printed = document.cells["Difference per decade (95% CI)"]
    assert (
        printed.str.fullmatch(r"−?[\d.]+(%| HU) \(−?[\d.]+\1, −?[\d.]+\1\)").sum()
        == effects["effect"].notna().sum()
        > 9
    )
    assert "from 30 to 80 years of age; standardized to equal proportions" in document.notes[0]
    place = [head.label for head in grid.heads].index("Difference per decade<br>(95% CI)") - 1
    assert {row.cells[place].text for row in grid.rows} <= set(printed)
