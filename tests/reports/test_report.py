"""Tests of the command `report` on the output of the other stages."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts import all_tables
from ctpop.figures.formats import FORMATS
from ctpop.figures.formatting import coefficient
from ctpop.foundation.errors import ContractError
from ctpop.stages.report import manuscript, pages
from ctpop.stages.report.provenance import ABSENT, package_version, without_folders
from ctpop.study import configuration
from ctpop.study.label_sets import LabelSet
from support import study_tables, volumes
from support.config_files import config_file, config_option
from support.reported import pages_of, written

HOSTILE = "<img src=x onerror=alert(1)> & \"quoted\" $x$ 'end' </style>"


class Page(HTMLParser):
    """Links, images, tags, and visible text of a page."""

    def __init__(self, path):
        super().__init__()
        self.path, self.links, self.images, self.tags, self.words = path, [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [found[name] for name in ("href", "src") if name in found]
        self.images += [found] if tag == "img" else []

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def targets(self):
        return [
            (self.path.parent / unquote(link)).resolve() for link in self.links if not link.startswith(("#", "data:"))
        ]


def report_of(folder, *args, jobs=1, **others):
    """Run the command and return the index page."""
    assert main([*written(folder, *args, **others), "--jobs", str(jobs)]) == 0
    return Page(folder / "report" / "index.html")


def words_of(folder, *args, **others):
    """Return the text of the index page without drawing figures."""
    pages_of(folder, *args, **others)
    return Page(folder / "report" / "index.html").text


def results_of(folder, *args, **others):
    """Return the results section of the manuscript, without drawing a figure."""
    study = pages_of(folder, *args, **others)
    return manuscript.results_text(study, pages.templates().get_template("results.md"))


def exclusions():
    """Return registry, label set, and failed scans of a study with exclusions at every stage."""
    patients = study_tables.registry(60, sexes=("female", "male", None))
    patients.loc[0, "age_years"] = float("nan")
    patients.loc[1, "contrast"] = pd.NA
    return patients, study_tables.label_set(), {"s0010": "unreadable"}


def report_with_exclusions(folder, **options):
    """Report a synthetic study with every kind of exclusion, with figures in all formats."""
    changes = {"report": {"formats": list(FORMATS)}}
    report_of(folder, *exclusions(), truth=str(folder / "truth.csv"), banner="synthetic", changes=changes, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A synthetic study of 60 patients with every kind of exclusion, reported once."""
    folder = tmp_path_factory.mktemp("study")
    report_with_exclusions(folder)
    return folder


@pytest.fixture(scope="module")
def page(finished):
    return Page(finished / "report" / "index.html")


def test_every_link_of_the_page_leads_to_a_file_beside_it(page, finished):
    targets = page.targets()

    assert len(targets) > 40
    absent = {target for target in targets if not target.is_file()}
    later = ("report/review/index.html", "benchmarks/runtime.html", "ro-crate-metadata.json")  # written by other rules
    assert absent == {finished / name for name in later}
    assert all(target.is_relative_to(finished) for target in targets)
    assert all(not Path(link).is_absolute() for link in page.links)


def every_page(folder):
    return [folder / "report" / "index.html", *sorted((folder / "report" / "structures").glob("*.html"))]


def test_the_pages_make_no_network_requests_and_run_only_their_two_scripts(finished):
    pages = every_page(finished)

    assert len(pages) == 7
    for path in pages:
        text = path.read_text(encoding="utf-8")
        up = "" if path.name == "index.html" else "../"
        scripts = re.findall(r"<script[^>]*>.*?</script>", text, flags=re.DOTALL)
        assert scripts == [
            f'<script src="{up}assets/{name}" defer></script>' for name in ("dataTables.min.js", "page.js")
        ]
        assert not {"iframe", "object", "embed"} & set(Page(path).tags)
        assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//|url\(|@import", text)
        assert "default-src 'none'; script-src 'self' file:;" in text


def test_a_library_that_differs_from_the_published_one_is_rejected(tmp_path, monkeypatch):
    shutil.copytree(pages.LIBRARY, tmp_path / "datatables")
    monkeypatch.setattr(pages, "LIBRARY", tmp_path / "datatables")
    assert "DataTables 3.1.5" in pages.library()[:200]
    with (tmp_path / "datatables" / pages.SCRIPT).open("a") as script:
        script.write("//")

    with pytest.raises(ContractError, match=r"dataTables\.min\.js: the checksum differs from the one in README\.md"):
        pages.library()


def test_every_entry_of_the_contents_links_to_an_existing_section(page, finished):
    text = (finished / "report" / "index.html").read_text(encoding="utf-8")
    anchors = {link[1:] for link in page.links if link.startswith("#")}

    assert len(anchors) > 10
    assert anchors <= set(re.findall(r'id="([^"]+)"', text))


def test_every_figure_is_on_a_page_with_an_alternative_text(page, finished):
    images = [image for path in every_page(finished) for image in Page(path).images]
    shown = {Path(image["src"]).stem for image in images}

    figures = {path.stem for path in (finished / "figures").glob("*.png")}
    without_curves = {path.stem for path in (finished / "figures").glob("worms_*.csv") if len(pd.read_csv(path)) == 0}
    assert shown == figures - without_curves
    of_the_study = {Path(image["src"]).stem for image in page.images}
    assert {"flow", "age_by_sex", "figure6", "spearman_overview", "figure_s3_p01", "truth"} <= of_the_study
    assert {"scatter_organ_1_volume_ml", "boxes_organ_1_volume_ml"} <= of_the_study
    assert "structure_organ_1" in shown - of_the_study
    assert all(len(image["alt"]) > 20 for image in images)


def test_every_figure_has_its_four_files(finished):
    names = {path.stem for path in (finished / "figures").iterdir()}

    assert {path.name for path in (finished / "figures").iterdir()} == {
        f"{name}.{kind}" for name in names for kind in ("pdf", "svg", "png", "csv")
    }


def test_every_table_can_be_downloaded(page, finished):
    linked = {target.name for target in page.targets()}

    assert {path.name for path in (finished / "tables").iterdir()} <= linked


def test_the_associations_on_the_page_are_those_of_the_table_strongest_first(finished):
    text = (finished / "report" / "index.html").read_text(encoding="utf-8")
    [section] = re.findall(r'<section id="associations".*?</section>', text, flags=re.DOTALL)
    rows = [
        re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)
        for row in re.findall(r"<tr[^>]*><th scope=\"row\".*?</tr>", section)
    ]
    found = all_tables.ASSOCIATIONS.read(finished / "tables" / "associations.parquet")
    found = found.assign(strength=found["rho"].abs()).sort_values("strength", ascending=False)

    assert [row[3] for row in rows] == [str(n) for n in found["n"]]
    assert [row[4] for row in rows] == [coefficient(rho) for rho in found["rho"]]
    assert section.count('class="strong"') == found["significant"].sum() > 0


def test_the_banner_is_on_the_page_and_in_the_methods(page, finished):
    text = (finished / "report" / "index.html").read_text(encoding="utf-8")

    assert "synthetic" in page.text
    assert '@top-right { content: "synthetic"' in text
    assert "synthetic" in (finished / "report" / "methods.md").read_text(encoding="utf-8")


def test_headline_numbers_are_those_of_the_tables(page, finished):
    analysis = all_tables.ANALYSIS.read(finished / "tables" / "analysis.parquet")
    volumes = int(analysis["measure"].eq("volume_ml").sum())

    results = (finished / "report" / "results.md").read_text(encoding="utf-8")

    assert "60 scans in the registry" in " ".join(reversed(re.findall(r"scans in the registry|\b60\b", page.text)[:2]))
    assert f"{volumes} of 348 volumes" in results
    assert "Label maps were available for 57 of 58 scans (98%); measurement was possible in all of these" in results


def test_the_methods_name_thresholds_families_and_the_substitute_for_the_bounds(finished):
    methods = (finished / "report" / "methods.md").read_text(encoding="utf-8")
    results = (finished / "report" / "results.md").read_text(encoding="utf-8")

    assert "P < .0001 was considered to indicate statistical significance, as in the original study." in methods
    assert "performed separately for correlations, Kruskal-Wallis tests, and rank-sum tests." in methods
    assert "for the 12 correlations, .0012 for the 12 Kruskal-Wallis tests, and .0072 for the 72 rank-sum" in results
    assert (
        "Lower bounds were also used in the original study, but these bounds (Table S1 of that study) have" in methods
    )
    assert 'substitute bounds were used for 1 structure (label set "labels")' in methods
    assert "age not known, images incomplete, and no contrast agent given." in methods
    assert "2 were excluded: age not known (n = 1) and no contrast agent given (n = 1)." in results
    assert f"NumPy {package_version('numpy')}" in methods
    assert "  " not in methods
    assert " ." not in re.sub(r" \.\d", "", methods)


def test_provenance_has_settings_versions_and_counts_but_no_paths_or_times(finished):
    text = (finished / "provenance.json").read_text(encoding="utf-8")
    found = json.loads(text)

    assert found["counts"]["registry"] == 60
    assert found["counts"]["cohort"] == 58
    assert found["counts"]["segmented"] == found["counts"]["measured"] == 57
    assert found["config"]["study"]["registry"] == "registry.csv"
    assert found["config"]["aging"]["alpha"] == 0.0001
    assert found["packages"]["matplotlib"] == package_version("matplotlib")
    assert found["models"] == [{"name": "made_up 0123456789ab", "sha256": None, "step_size": None}]
    assert str(finished) not in text
    assert not re.search(r"\d{4}-\d{2}-\d{2}|\d{2}:\d{2}", text)


def test_a_second_run_writes_the_same_bytes_and_removes_figures_of_another_configuration(finished):
    first = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    stale = finished / "figures" / "scatter_heart_hu_mean.pdf", finished / "report" / "structures" / "heart.html"
    kept = finished / "figures" / "my_own_notes.txt"
    for path in (*stale, kept):
        path.write_text("from elsewhere")

    report_with_exclusions(finished, jobs=2)  # the first run used one process

    assert not any(path.exists() for path in stale)
    assert kept.read_text() == "from elsewhere"
    kept.unlink()
    assert len(first) > 50
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == first


def test_text_from_a_study_is_escaped_on_the_page(tmp_path):
    labels = study_tables.label_set(1, 2)
    names = [f"{HOSTILE} {name}" for name in labels.names]
    hostile = LabelSet("hostile", labels.table.assign(group=HOSTILE, name=names))
    arguments = written(tmp_path, study_tables.registry(30), hostile, banner=HOSTILE, failed={"s0003": "unreadable"})
    segments = all_tables.SEGMENTS.read(tmp_path / "tables" / "segments.parquet")
    all_tables.SEGMENTS.write(segments.assign(detail=HOSTILE), tmp_path / "tables" / "segments.parquet")

    assert main(arguments) == 0
    found = Page(tmp_path / "report" / "index.html")
    text = found.path.read_text(encoding="utf-8")
    assert found.text.count("<img src=x onerror=alert(1)>") >= 2 + len(hostile.names)
    assert "<img src=x" not in text
    assert text.count("</style>") == 1
    of_structures = 2 * len(hostile.names)  # figures and worm plots on the pages of the structures
    assert len(found.images) + of_structures == len(list((tmp_path / "figures").glob("*.png")))
    for path in every_page(tmp_path):
        assert "<img src=x" not in path.read_text(encoding="utf-8")


# Groups of structures and other rule sets


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """A study of 40 patients whose label set has both kidneys and two lumbar vertebrae, reported once."""
    folder = tmp_path_factory.mktemp("grouped")
    labels = volumes.label_set("liver", "kidney_left", "kidney_right", "vertebrae_L1", "vertebrae_L3")
    panels = {"report": {"figure6": [["kidneys", "hu_mean"], ["liver", "volume_ml"]]}}
    return folder, report_of(folder, study_tables.registry(40), labels, changes=panels)


def section_of(folder, name):
    text = (folder / "report" / "index.html").read_text(encoding="utf-8")
    return re.findall(rf'<section id="{name}".*?</section>', text, flags=re.DOTALL)[0]


def test_groups_have_a_table_and_a_figure_of_their_own(grouped):
    folder, page = grouped
    rest, of_groups = section_of(folder, "associations").split('<h3 id="groups-title">Groups of structures</h3>')

    assert "spearman_groups" in {Path(image["src"]).stem for image in page.images}
    assert {"Kidneys", "Lumbar vertebrae"} == set(re.findall(r'<th scope="row"><a [^>]*>(.*?)</a></th>', of_groups))
    assert {"Left kidney", "Right kidney"} <= set(re.findall(r'<th scope="row"><a [^>]*>(.*?)</a></th>', rest))
    assert "Lumbar vertebrae in this study: Vertebra L1 and Vertebra L3 (2 of 5 members)." in page.text
    assert "Kidneys in this study" not in page.text


def test_headline_numbers_and_families_count_single_structures_alone(grouped):
    folder, page = grouped
    methods = (folder / "report" / "methods.md").read_text(encoding="utf-8")

    assert "significant correlations with age (of 10 tested)" in page.text
    assert "Bonferroni correction for 10 correlations" in page.text
    results = (folder / "report" / "results.md").read_text(encoding="utf-8")
    assert "correlations, Kruskal-Wallis tests, and rank-sum tests of individual structures." in methods
    assert "for the 10 correlations, .001 for the 10 Kruskal-Wallis tests, and .006 for the 60 rank-sum" in results
    assert "In addition, 2 groups of structures, such as left and right pairs, were analyzed" in methods
    assert "was used only if at least 50% of the members were usable" in methods
    assert re.search(
        r"differed significantly from a normal distribution in \w+ of 10 Kolmogorov-Smirnov tests", results
    )


def test_a_group_can_be_a_panel_of_figure_six(grouped):
    folder, _ = grouped
    points = pd.read_csv(folder / "figures" / "scatter_kidneys_hu_mean.csv")
    analysis = all_tables.ANALYSIS.read(folder / "tables" / "analysis.parquet")

    expected = analysis.query("structure == 'kidneys' and measure == 'hu_mean'")["value"]
    assert sorted(points["value"]) == pytest.approx(sorted(expected), rel=1e-6)


def test_every_structure_and_then_every_group_has_its_small_multiples(grouped):
    folder, _ = grouped
    points = pd.read_csv(folder / "figures" / "figure_s3_p01.csv")

    names = ["liver", "kidney_left", "kidney_right", "vertebrae_L1", "vertebrae_L3", "lumbar_vertebrae", "kidneys"]
    assert list(points["structure"].unique()) == names


def test_a_study_without_groups_has_no_figure_of_them(finished, page):
    assert not list((finished / "figures").glob("spearman_groups*"))
    assert "Groups of structures" not in page.text


def test_correlations_under_other_rule_sets_are_compared_with_those_of_the_study(finished):
    section = section_of(finished, "sensitivity")
    head = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', section)
    rows = [
        re.findall(r"<t[dh][^>]*>(?:<a [^>]*>)?(.*?)<", row)
        for row in re.findall(r"<tr><th scope=\"row\".*?</tr>", section)
    ]
    table = all_tables.SENSITIVITY.read(finished / "tables" / "sensitivity.parquet")
    study, strict = (table[table["analysis"] == rules] for rules in ("study", "strict"))
    chosen = study[study["structure"].eq("organ_1") & study["measure"].eq("volume_ml")].iloc[0]

    names = [
        "No rules",
        "Lower bounds only",
        "All rules",
        "This study",
        "Eroded attenuation",
        "Uniform age distribution",
    ]
    assert head == ["Structure", "Measure", *names]
    assert rows[0][:2] == ["Organ 1", "Volume (mL)"]
    assert rows[0][5] == f"{coefficient(chosen['rho'])} (n = {chosen['n']})"
    changed = table.loc[table["difference"].abs() > 0, ["structure", "measure"]].drop_duplicates()
    others = changed[~(changed["structure"].eq("organ_1") & changed["measure"].eq("volume_ml"))]
    assert len(rows) == 1 + min(10, len(others))
    assert len(strict) == len(study) == 12


def test_one_patient_gives_a_report_without_results(tmp_path):
    words = words_of(tmp_path, study_tables.registry(1, sexes=("male",)), study_tables.label_set(1, 1))

    assert "Scans, n (%) – 1 (100.0%) 0 (0.0%) 1 (100.0%)" in words
    results = results_of(tmp_path, study_tables.registry(1, sexes=("male",)), study_tables.label_set(1, 1))
    assert re.search(r"included 1 scan of 1 patient \(age, \d\d\.\d years; 1 man\)\.", results)
    assert "No structure had enough usable values for statistical analysis." in results


def test_a_study_without_measured_scans_has_a_report(tmp_path):
    patients = study_tables.registry(12)
    failed = dict.fromkeys(patients["scan_id"], "out_of_memory")
    found = report_of(tmp_path, patients, study_tables.label_set(1, 1), failed=failed)

    assert "Not measured (n = 12). Out of memory (n = 12)" in found.images[0]["alt"]
    assert any("Correlation not computed" in image["alt"] for image in found.images)
    results = (tmp_path / "report" / "results.md").read_text(encoding="utf-8")
    assert "No scan could be measured." in results
    assert "usable" not in results.replace("enough usable values", "")


def test_without_included_scans_there_is_still_a_report(tmp_path):
    patients = study_tables.registry(5).assign(age_years=float("nan"))
    results = results_of(tmp_path, patients, study_tables.label_set(1, 1))

    assert "Of 5 scans in the registry, 5 were excluded: age not known (n = 5)." in results
    assert "No scan remained in the study sample." in results
    assert "### Segmentation" not in results


def test_a_study_of_measures_has_no_section_on_segmentation(tmp_path):
    start_from = {"start_from": "measures", "measures": "measures.csv"}
    patients, labels = study_tables.registry(30), study_tables.label_set(1, 1)
    words = words_of(tmp_path, patients, labels, without=("segments",), changes={"segment": {}}, **start_from)

    assert "Segmentation Screening" not in words
    assert "imported from an existing table; image segmentation and measurement were not part of this" in words
    assert "torch" not in words
    assert "Comparison with the ground truth" not in words


def test_a_study_of_segmentations_names_no_model(tmp_path):
    patients, labels = study_tables.registry(15), study_tables.label_set(1, 1)
    words = words_of(tmp_path, patients, labels, changes={"segment": {}}, start_from="segmentations")

    assert "Existing segmentations of 3 structures were used." in words
    assert "nnU-Net" not in words


@pytest.fixture(scope="module")
def unreported(tmp_path_factory):
    """Arguments of the command for a study whose tables exist."""
    return written(tmp_path_factory.mktemp("unreported"), study_tables.registry(12), study_tables.label_set(1, 1))


def test_a_structure_that_the_label_set_lacks_is_an_error(unreported, capsys):
    config = configuration.read_file(Path(unreported[-1]))
    config["report"]["figure6"] = [["hip_lfet", "hu_mean"]]

    assert main([*unreported[:-2], *config_option(**config)]) == 1
    message = capsys.readouterr().err
    assert "report.figure6: label set" in message
    assert "does not contain hip_lfet" in message


def test_a_missing_table_is_an_error(tmp_path, capsys):
    arguments = written(tmp_path, study_tables.registry(12), study_tables.label_set(1, 1), without=("posthoc",))

    assert main(arguments) == 1
    assert "posthoc.parquet: the file is required for the report but is missing" in capsys.readouterr().err


def test_a_configuration_that_is_not_a_mapping_is_an_error(unreported, tmp_path, capsys):
    (tmp_path / "study.yaml").write_text("- alpha")

    assert main([*unreported[:-1], str(tmp_path / "study.yaml")]) == 1
    assert "study.yaml: line 1: sections such as 'study:' are expected at the top level" in capsys.readouterr().err


def test_a_package_that_is_not_there_has_no_version():
    assert package_version("no-such-package-anywhere") == ABSENT


def test_absolute_paths_in_settings_are_reduced_to_file_names():
    root = Path(Path.cwd().anchor)
    settings_of_study = {"registry": str(root / "data" / "registry.csv"), "list": [1, "a/b.csv"], "none": None}

    assert without_folders(settings_of_study) == {"registry": "registry.csv", "list": [1, "a/b.csv"], "none": None}


def test_free_text_cannot_end_a_string_of_the_style_sheet():
    text = pages.css_text('a"; } </style>\n\\')

    assert text.startswith('"a\\22 ')
    assert not set(text[1:-1]) & set('"<>;}\n')


def test_the_defaults_of_the_configuration_are_those_of_the_schema(finished):
    found = json.loads((finished / "provenance.json").read_text(encoding="utf-8"))["config"]

    assert found["aging"] == configuration.section("aging", None)
    with pytest.raises(ContractError, match="unknown key"):
        configuration.section("aging", config_file(aging={"alfa": 1}))


def test_scans_whose_attenuation_contradicts_the_recorded_contrast_administration_are_listed(tmp_path):
    labels = study_tables.label_set()
    named = labels.table.assign(structure=labels.table["structure"].replace({"organ_2": "aorta"}))  # about 45 HU

    words = words_of(tmp_path, study_tables.registry(60), LabelSet("made_up", named))

    checked = all_tables.CONTRAST_CHECK.read(tmp_path / "tables" / "contrast_check.parquet")
    looks = checked["looks"].value_counts()
    counts = " ".join(str(looks.get(name, 0)) for name in all_tables.CONTRAST_LOOKS)
    assert looks["unenhanced"] > 50
    assert "is at least 100 HU, and as unenhanced if" in words
    assert "are below 70 HU. The check excludes no scans." in words
    assert f"Contrast agent (recorded) Enhanced Unenhanced Unclear Not measured Given {counts}" in words
    assert f"The first 50 of {looks['unenhanced']} discrepant scans." in words
    first = checked[checked["looks"] == "unenhanced"].iloc[0]
    assert f"{first['scan_id']} given unenhanced {first['aorta_hu']:.0f} – –" in words


def test_a_study_without_vessels_reports_that_contrast_administration_could_not_be_checked(tmp_path):
    words = words_of(tmp_path, study_tables.registry(12), study_tables.label_set(1, 1))

    assert "The recorded contrast administration could not be checked against attenuation." in words


def test_the_overlap_of_exclusion_criteria_is_shown_as_a_matrix(tmp_path):
    patients = study_tables.registry(30)
    patients.loc[0:5, "complete"] = False
    patients.loc[4:6, "contrast"] = False

    words = words_of(tmp_path, patients, study_tables.label_set(1, 1))

    criteria = "Age not known Images incomplete No contrast agent given"
    assert f"Scans meeting both criteria {criteria} Age not known 0 0 0" in words
    assert "Images incomplete 0 6 2 No contrast agent given 0 2 3" in words
