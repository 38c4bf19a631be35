"""Each error of a study is printed once, at the end, without a traceback, and with the line to be corrected."""

import sys

import pytest

from support import snakemake_server
from support.studies import REPO, Study, quiet_environment

LABEL_SET = "label,structure,side,group,lower_bound_ml\n1,spleen,,abdomen,40\n2,liver,,abdomen,\n"
REGISTRY = "scan_id,age_years,sex\n" + "".join(f"s{number},{30 + number},female\n" for number in range(9))
MEASURES = "scan_id,spleen_volume_ml,liver_volume_ml\n" + "".join(f"s{n},{200 + n},{1500 + n}\n" for n in range(9))


@pytest.fixture
def study(tmp_path):
    """A study with a small table of measures and its own label set."""
    (tmp_path / "mine.csv").write_text(LABEL_SET)
    (tmp_path / "registry.csv").write_text(REGISTRY)
    (tmp_path / "measures.csv").write_text(MEASURES)
    settings = {"name": "small", "start_from": "measures", "registry": "registry.csv", "measures": "measures.csv"}
    return Study(tmp_path, {"study": settings, "structures": "mine.csv", "cohort": {"criteria": ["age_known"]}})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("2,liver", "1,liver", "mine.csv: line 3: each label and each structure must occur only once"),
        (",40", ",4O", "mine.csv: line 2: lower_bound_ml must be a volume in mL (0 or larger) or empty, but is '4O'"),
        ("group", "grp", "mine.csv: line 1: missing from the header: group (found label, structure, side, grp"),
        (LABEL_SET, "", "mine.csv: line 1: the table is empty; add a header and rows"),
    ],
)
def test_a_label_set_is_refused_when_the_run_is_planned(study, old, new, expected):
    (study.folder / "mine.csv").write_text(LABEL_SET.replace(old, new))

    printed = study.run("--dry-run", succeeds=False)

    *_, head, last = printed.strip().splitlines()
    assert head == "error: the configuration contains errors:"
    assert last.startswith(f"  study.yaml, line 4: structures: {expected}")
    assert "Traceback" not in printed
    assert ".smk" not in printed


def test_a_label_set_that_is_absent_is_refused_when_the_run_is_planned(study):
    (study.folder / "mine.csv").unlink()

    last = study.run("--dry-run", succeeds=False).strip().splitlines()[-1]

    assert "'mine.csv' is neither a built-in label set (demo, paper_104, total_117) nor an existing CSV file" in last


def plan(study, text):
    """Return the lines that a dry run with this study file prints."""
    arguments = study.arguments("--dry-run")
    (study.folder / "study.yaml").write_bytes(text)
    code, printed = snakemake_server.run(arguments, study.folder, quiet_environment())
    assert code != 0
    return printed.strip().splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b"structures: mine.csv\nstructures: demo\n",
            "study.yaml: line 2: the key 'structures' already occurs in line 1",
        ),
        (b"structures: demo\n", "study.yaml: line 1: no configuration file contains a section study; add it as in "),
        (
            b"study: {name: x, registry: r.csv}\nstructures: demo\naging:\n  alfa: 1\n",
            "line 4: aging.alfa: unknown",
        ),
        (b"study: {registry: r.csv}\nstructures: demo\n", "study.yaml, line 1: study.name: missing key"),
    ],
)
def test_a_configuration_with_an_error_is_refused_with_its_line(study, text, expected):
    lines = plan(study, text)

    assert any(expected in line for line in lines[-3:])
    assert not any(".smk" in line or "Traceback" in line for line in lines)


UNREADABLE = {
    "a tab": (b"study:\n\tname: x\n", "line 2: invalid YAML: the line begins with a tab"),
    "another indentation": (b"study:\n  name: x\n   registry: r.csv\n", "line 3, column 12: invalid YAML:"),
    "a list": (b"- study\n", "line 1: sections such as 'study:' are expected at the top level, found a list"),
    "nothing": (b"", "line 1: the study file is empty"),
    "another encoding": (
        "study: {name: Müller}\n".encode("cp1252"),
        "line 1: the file is not encoded in UTF-8 (found the byte",
    ),
}


@pytest.mark.parametrize("profile", ["local", "slurm"])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_configuration_that_snakemake_cannot_read_is_refused_with_its_line(tmp_path, kind, profile):
    text, expected = UNREADABLE[kind]
    (tmp_path / "study.yaml").write_bytes(text)
    arguments = ["--dry-run", "--profile", str(REPO / "profiles" / profile), "--configfile", "study.yaml"]

    code, printed = snakemake_server.run(arguments, tmp_path, quiet_environment())

    assert code == 1
    assert printed.splitlines()[-1].startswith(f"error: study.yaml: {expected}")
    assert "Traceback" not in printed


@pytest.mark.parametrize("profile", ["local", "slurm"])
def test_a_configuration_that_is_absent_is_refused_in_one_line(tmp_path, profile):
    arguments = ["--dry-run", "--profile", str(REPO / "profiles" / profile), "--configfile=absent.yaml"]

    code, printed = snakemake_server.run(arguments, tmp_path, quiet_environment())

    assert code == 1
    assert printed.splitlines()[-1].startswith("error: absent.yaml: the study file cannot be read (No")
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("study_section", "expected"),
    [
        ("registry: gone.csv", "line 1: study.registry: file 'gone.csv' does not exist; correct the path"),
        (
            "registry: gone.csv, dicom: scans",
            "line 1: study.registry: file 'gone.csv' does not exist; create it with `ctpop index scans --registry g",
        ),
        (
            "start_from: measures, measures: ~/m.csv",
            "line 1: study.measures: file '~/m.csv' does not exist; write the full path because ~ is not expanded",
        ),
    ],
)
def test_an_input_that_is_absent_is_named_by_its_setting_and_line_last(study, study_section, expected):
    text = f"study: {{name: x, {study_section}}}\nstructures: demo\nsegment: {{model: demo}}\n"

    lines = plan(study, text.encode())

    assert lines[-1].startswith(f"error: study.yaml, {expected}")
    assert not any("MissingInputException" in line or ".smk" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("segment: {model: demmo}", "study.yaml, line 3: segment.model: demmo is neither a built-in model set (demo, "),
        ("segment: {model: demo}\nscreen: {rules: strikt}", "study.yaml, line 4: screen.rules: 'strikt' is neither"),
    ],
)
def test_a_model_or_rule_set_that_is_absent_is_refused_with_its_line(study, text, expected):
    lines = plan(study, f"study: {{name: x, registry: registry.csv}}\nstructures: demo\n{text}\n".encode())

    assert lines[-1].startswith(f"error: {expected}")


def test_the_error_of_a_job_is_printed_once_and_last(study):
    (study.folder / "registry.csv").write_text(REGISTRY.replace(",33,", ",old,"))

    printed = study.run("cohort", "measure", succeeds=False, python=sys.executable)

    lines = printed.strip().splitlines()
    assert lines[-2].startswith("error: registry.csv: age_years must be a number or empty")
    assert lines[-1].startswith("  rule ")
    assert "log: results/small/logs/" in lines[-1]
    assert printed.count("age_years must be a number") == 1
    assert "contracts/all_tables.py" not in printed
    log = study.results / "logs" / "cohort" / "cohort.log"
    assert "error in cohort: registry.csv: age_years must be a number" in log.read_text()


def test_a_job_that_succeeds_after_a_correction_prints_no_error(study):
    (study.folder / "registry.csv").write_text(REGISTRY.replace(",33,", ",old,"))
    study.run("cohort", succeeds=False)
    (study.folder / "registry.csv").write_text(REGISTRY)

    assert "error:" not in study.run("cohort")
