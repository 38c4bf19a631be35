"""Tests of the command `check` at every starting point: complete list of findings, without patient data."""

import json

import nibabel as nib
import numpy as np
import pytest
import yaml

from ctpop.cli import main
from ctpop.imaging.images import read_labels
from ctpop.imaging.label_map_file import write_labels
from ctpop.stages.dicom import private_links
from ctpop.stages.operate import dicom_checks, image_checks
from support.volumes import hu, label_set, labels, save, save_masks

STRUCTURES = ("spleen", "liver", "kidney_left")
N = 24


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Return a function that checks a study in the temporary folder and returns its findings by level."""
    monkeypatch.chdir(tmp_path)
    table = label_set(*STRUCTURES).table.assign(lower_bound_ml=[50, 600, 80])
    table.to_csv(tmp_path / "structures.csv", index=False)
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "config.yaml").write_text("cores: all\n")

    def run(study, code=None, **sections):
        config = {
            "study": {"name": "x", **study},
            "structures": "structures.csv",
            "cohort": {"criteria": ["age_known"]},
            "segment": {"model": "demo"} if study["start_from"] == "images" else {},
            **sections,
        }
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
        ended = main(["check", "study.yaml", "--profile", "profile", "--quiet"])
        printed = capsys.readouterr().out
        assert code is None or ended == code, printed
        lines = [line for line in printed.splitlines() if line.startswith(("ok ", "warning ", "error "))]
        return {
            level: [line.removeprefix(level).strip() for line in lines if line.startswith(f"{level} ")]
            for level in ("ok", "warning", "error")
        }

    return run


def measures(path, change=lambda row, number: row, header=None, separator=","):
    """Write a wide table of measures with one scan per patient; `change` modifies each row."""
    rows = []
    random = np.random.default_rng(1)
    for number in range(N):
        volumes = (200 + random.normal(0, 9), 1500 + random.normal(0, 90), 150 + random.normal(0, 9))
        values = [f"{value:.1f}" for ml in volumes for value in (ml, 60 + random.normal(0, 5))]
        rows.append(change([f"s{number}", f"p{number}", str(30 + number), "mf"[number % 2], *values], number))
    names = [f"{name}_{measure}" for name in STRUCTURES for measure in ("volume_ml", "hu_mean")]
    lines = [header or ["scan_id", "patient_id", "age_years", "sex", *names], *rows]
    path.write_text("".join(separator.join(line) + "\n" for line in lines))


def images(folder, n=4, change=lambda ct, number: ct):
    """Write CT scans with label maps and their registry."""
    lines = ["scan_id,patient_id,age_years,sex,ct_path,segmentation_path"]
    for number in range(n):
        save(folder / f"ct{number}.nii.gz", change(hu(seed=number), number))
        save(folder / f"map{number}.nii.gz", labels(seed=number))
        lines.append(f"s{number},p{number},{50 + number},{'mf'[number % 2]},ct{number}.nii.gz,map{number}.nii.gz")
    (folder / "registry.csv").write_text("\n".join(lines) + "\n")


MEASURES = {"start_from": "measures", "measures": "measures.csv"}
MAPS = {"start_from": "segmentations", "registry": "registry.csv"}


def test_a_valid_table_of_measures_has_no_errors(check, tmp_path):
    measures(tmp_path / "measures.csv")

    found = check(MEASURES, code=0)

    assert found["error"] == found["warning"] == []
    text = "\n".join(found["ok"])
    for words in (
        "structures: 3 structures",
        "sex: f is read as female, m as male",
        "24 of 24 scans included: age_known excludes 0",
        "30 to 53 years, median 41.5; none missing",
        "12 female, 12 male; none missing",
        "24 patients with one scan each",
        "values of 24 of 24 scans and of 3 of 3 structures",
        "medians of the structures are compatible with mL and HU",
    ):
        assert words in text


def mm3(row, number):
    return [cell if place < 4 or place % 2 else f"{float(cell) * 1000:.1f}" for place, cell in enumerate(row)]


TABLES = {
    "a trailing comma": (
        lambda row, n: [*row, ""],
        "error",
        "line 2: the row has 11 cells, but the header has 10 names",
    ),
    "volumes in mm3": (
        mm3,
        "error",
        'in mm³ (or in mL but labeled as liters); set measure: {columns: {"*_volume_ml": "*_volume_mm3"}}',
    ),
    "an offset of the attenuation": (
        lambda row, n: [str(float(cell) + 1024) if place in (5, 7, 9) else cell for place, cell in enumerate(row)],
        "error",
        "which is outside the possible range in HU (-200 to 600); subtract the offset",
    ),
    "a word among the volumes": (
        lambda row, n: [*row[:4], "big" if n == 5 else row[4], *row[5:]],
        "error",
        "line 7: column spleen_volume_ml must be a number",
    ),
    "sexes as numbers": (
        lambda row, n: [*row[:3], "12"[n % 2], *row[4:]],
        "error",
        "numeric codes for sex are ambiguous (found 1, 2);",
    ),
    "an age that is text": (
        lambda row, n: [*row[:2], "old" if n == 2 else row[2], *row[3:]],
        "error",
        "but 1 row violates this rule: line 4 (scan 's2', value 'old')",
    ),
    "an impossible age": (
        lambda row, n: [*row[:2], "999", *row[3:]],
        "error",
        "line 2 (scan 's0', value '999')",
    ),
    "no ages": (
        lambda row, n: [*row[:2], "", *row[3:]],
        "error",
        "the criteria exclude all of 24 scans in measures.csv: age_known excludes 24",
    ),
    "repeated ids": (lambda row, n: ["s1", *row[1:]], "error", "all rows of a scan must contain the same patient"),
    "repeated patients": (
        lambda row, n: [row[0], f"p{n % 6}", *row[2:]],
        "warning",
        "24 scans of 6 patients: ",
    ),
    "one sex": (lambda row, n: [*row[:3], "m", *row[4:]], "warning", "24 male; none missing"),
    "missing sexes": (
        lambda row, n: [*row[:3], "" if n % 2 else "m", *row[4:]],
        "warning",
        "12 male; missing in 12",
    ),
    "zeros": (
        lambda row, n: [*row[:4], *(("0.0", "0.0") if n < 3 else row[4:6]), *row[6:]],
        "warning",
        "3 attenuation values of 0.0 without a volume excluded",
    ),
    "a structure without values": (
        lambda row, n: [*row[:4], "", "", *row[6:]],
        "warning",
        "1 structure without values, including spleen",
    ),
    "a constant column": (
        lambda row, n: [*row[:4], "200", *row[5:]],
        "warning",
        "volume_ml is constant in 1 structure, including spleen",
    ),
}


@pytest.mark.parametrize("kind", TABLES)
def test_an_error_in_a_table_of_measures_is_a_finding(check, tmp_path, kind):
    change, level, words = TABLES[kind]
    measures(tmp_path / "measures.csv", change)

    found = check(MEASURES, code=int(level == "error"))

    assert any(words in line for line in found[level]), found


def test_a_column_that_looks_like_a_measure_is_an_error_with_the_line_that_fixes_it(check, tmp_path):
    names = ["scan_id", "patient_id", "age_years", "sex", *"abcde", "livr_volume_ml"]
    measures(tmp_path / "measures.csv", header=names)

    [found] = check(MEASURES, code=1)["error"]

    assert "measure: {columns: {livr_volume_ml: liver_volume_ml}}" in found


def test_all_errors_of_tables_and_images_are_reported_at_once(check, tmp_path):
    images(tmp_path, change=lambda ct, number: (ct + 1024).clip(24))
    text = (tmp_path / "registry.csv").read_text()
    text = text.replace("p1,51,f", "p1,old,f").replace("p2,52,m", "p2,52,x").replace("s3,", "s 3,")
    (tmp_path / "registry.csv").write_text(text)

    found = check({**MAPS, "truth": "absent.csv"}, code=1, screen={"rules": "absent.yaml"})

    text = "\n".join(found["error"])
    rules = ("scan_id is used in file names", "age_years must be a number", "sex must be female, male, or empty")
    for words in (*rules, "not_hu: 4 of 4"):
        assert text.count(words) == 1, text
    assert "screen.rules: 'absent.yaml' is neither a built-in rule set" in text
    assert any("these checks require a registry without errors" in line for line in found["warning"])


def test_valid_label_maps_and_ct_have_no_errors(check, tmp_path):
    images(tmp_path)

    found = check(MAPS, code=0)

    assert found["error"] == []
    assert any("4 scans read completely (all scans), 4 without errors" in line for line in found["ok"])
    assert any("3 of 3 structures occur in 4 label maps" in line for line in found["ok"])


@pytest.mark.parametrize("start_from", ["images", "segmentations"])
def test_images_that_are_not_in_hu_are_an_error_at_every_starting_point(check, tmp_path, start_from):
    images(tmp_path, change=lambda ct, number: (ct + 1024).clip(24) if number else ct)

    found = check({**MAPS, "start_from": start_from}, code=1)

    [line] = [line for line in found["error"] if line.startswith("images")]
    assert "not_hu: 3 of 4, first scan 's1': the values have an offset from HU" in line


@pytest.mark.parametrize("start_from", ["images", "segmentations"])
def test_an_identity_affine_is_a_warning_at_every_starting_point(check, tmp_path, start_from):
    images(tmp_path)
    for name in ("ct2.nii.gz", "map2.nii.gz"):
        image = nib.load(tmp_path / name)
        nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj), np.eye(4)), tmp_path / name)

    found = check({**MAPS, "start_from": start_from})

    assert [line for line in found["warning"] if "1 of 4, first scan s2: the affine is the identity" in line]


def test_a_single_scan_that_fails_is_a_warning(check, tmp_path):
    images(tmp_path)
    (tmp_path / "ct2.nii.gz").write_bytes(b"no NIfTI")

    found = check(MAPS, code=0)

    assert any("unreadable: 1 of 4, first scan 's2'" in line for line in found["warning"])


def test_names_in_label_maps_and_unknown_labels_are_reported(check, tmp_path):
    images(tmp_path)
    like = read_labels(tmp_path / "map0.nii.gz")
    write_labels(like.data, like, tmp_path / "map0.nii.gz", {"liver": 1, "spleen": 2, "kidney_left": 3})
    save(tmp_path / "map1.nii.gz", labels(seed=1) * 50)

    found = check(MAPS)

    text = "\n".join(found["warning"] + found["error"])
    assert "first scan s0: structures are identified by the names in the file because its label numbers" in text
    assert "unknown_labels: 1 of 4, first scan 's1': segmentation_path has labels" in text
    assert "set structures: to the label set of the label maps" in text


def test_masks_are_read_by_their_names(check, tmp_path):
    images(tmp_path, n=2)
    masks = {"spleen": labels() == 1, "livr": labels() == 2}
    for number in range(2):
        (tmp_path / f"map{number}.nii.gz").unlink()
        save_masks(tmp_path / f"map{number}.nii.gz", masks)

    found = check(MAPS)

    assert any("files that are not named after a structure of the label set: 1" in line for line in found["warning"])
    assert any(
        "1 of 3 structures occur in 2 label maps; absent: liver, kidney_left" in line for line in found["warning"]
    )


def test_incorrect_paths_of_all_scans_are_an_error(check, tmp_path):
    images(tmp_path)
    (tmp_path / "registry.csv").write_text((tmp_path / "registry.csv").read_text().replace(",ct", ",elsewhere/ct"))

    found = check({**MAPS, "start_from": "images"}, code=1)

    assert any(
        "missing_file: 4 of 4" in line and "correct the paths in the registry" in line for line in found["error"]
    )


def test_images_of_another_scan_are_a_warning(check, tmp_path):
    images(tmp_path)
    (tmp_path / "registry.csv").write_text((tmp_path / "registry.csv").read_text().replace("ct1.nii", "ct0.nii"))

    expected = "2 scans have the same ct_path as another scan, including s0, s1"
    assert any(expected in line for line in check(MAPS)["warning"])


def test_a_missing_column_of_a_criterion_is_an_error(check, tmp_path):
    images(tmp_path)

    found = check(MAPS, code=1, cohort={"criteria": ["age_known", "complete"]})

    assert any("criterion complete requires column complete, found scan_id" in line for line in found["error"])
    assert any("4 without errors" in line for line in found["ok"])


def test_braces_in_the_paths_of_a_registry_are_allowed(check, tmp_path):
    images(tmp_path)
    (tmp_path / "ct0.nii.gz").rename(tmp_path / "ct{0}.nii.gz")
    (tmp_path / "registry.csv").write_text((tmp_path / "registry.csv").read_text().replace("ct0.", "ct{0}."))

    assert check(MAPS, code=0)["error"] == []


def test_a_folder_of_statistics_is_read(check, tmp_path):
    images(tmp_path)
    (tmp_path / "stats").mkdir()
    for number in range(3):
        volume = {name: {"volume": 400000.0 + number, "intensity": 60.5 + number} for name in STRUCTURES}
        (tmp_path / "stats" / f"s{number}.json").write_text(json.dumps(volume))

    found = check({**MEASURES, "measures": "stats", "registry": "registry.csv"}, code=0)

    assert any("stats: values of 3 of 4 scans and of 3 of 3 structures" in line for line in found["warning"])
    (tmp_path / "stats" / "s1.json").write_text("{")
    broken = check({**MEASURES, "measures": "stats", "registry": "registry.csv"}, code=0)
    expected = "unreadable: 1 scan, first s1: the statistics file is not valid JSON"
    assert any(expected in line for line in broken["warning"])
    alone = check({**MEASURES, "measures": "stats"}, code=1)
    assert any("contains no ages; set study.registry" in line for line in alone["error"])


def test_a_folder_of_dicom_and_its_private_folder_are_checked(check, tmp_path):
    images(tmp_path)
    study = {**MAPS, "start_from": "images", "dicom": "pacs", "private": "private"}

    absent = check(study, code=1)
    (tmp_path / "pacs" / "a").mkdir(parents=True)
    empty = check(study, code=1)
    (tmp_path / "pacs" / "a" / "1.dcm").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "pacs" / "a" / "2.txt").write_text("notes")
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "members.csv").write_text("scan_id,file\n")
    good = check(study, code=0)

    assert dicom_checks.MEMBERS == private_links.MEMBERS
    assert any("study.dicom: folder 'pacs' does not exist; correct the path" in line for line in absent["error"])
    assert any("run `ctpop index pacs --registry registry.csv --private private`" in line for line in absent["error"])
    assert any("study.dicom: folder 'pacs' contains no files" in line for line in empty["error"])
    assert any("1 of the first 2 files are DICOM files with a preamble" in line for line in good["ok"])


def test_covariates_are_described_without_the_names_of_their_levels(check, tmp_path):
    measures(
        tmp_path / "measures.csv",
        change=lambda row, n: [*row, ["Meier", "Schulz"][n % 2], "170" if n else ""],
        header=[
            *("scan_id", "patient_id", "age_years", "sex"),
            *(f"{name}_{measure}" for name in STRUCTURES for measure in ("volume_ml", "hu_mean")),
            *("patient_name", "height_cm"),
        ],
    )

    found = check(MEASURES, code=0, aging={"covariates": ["patient_name", "height_cm"]})

    assert any(
        "covariate patient_name" in line and "2 levels with 12 to 12 scans; none missing" in line
        for line in found["ok"]
    )
    assert any("numbers from 170 to 170" in line and "missing in 1 scan (4%)" in line for line in found["warning"])
    assert "Meier" not in str(found)


@pytest.mark.parametrize(
    ("covariates", "level", "parts"),
    [
        (["sex", "study_date"], "error", ["measures.csv: line 2: covariate 'study_date' is a date"]),
        (["born", "sex"], "warning", ["covariate born", "at least 90% of the variance of age"]),
    ],
    ids=["a date", "a year of birth"],
)
def test_dates_are_rejected_and_years_of_birth_have_a_warning(check, tmp_path, covariates, level, parts):
    names = [f"{name}_{measure}" for name in STRUCTURES for measure in ("volume_ml", "hu_mean")]
    measures(
        tmp_path / "measures.csv",
        change=lambda row, n: [*row, f"2019-03-{n + 1:02}", str(2019 - float(row[2]))],
        header=["scan_id", "patient_id", "age_years", "sex", *names, "study_date", "born"],
    )

    found = check(MEASURES, code=int(level == "error"), aging={"covariates": covariates})

    [line] = [line for line in found[level] if parts[0] in line]
    assert all(part in line for part in [*parts, "set aging: {covariates: [sex]}"])


def test_unsuitable_covariates_that_were_selected_automatically_have_a_warning(check, tmp_path):
    names = [f"{name}_{measure}" for name in STRUCTURES for measure in ("volume_ml", "hu_mean")]
    measures(
        tmp_path / "measures.csv",
        change=lambda row, n: [*row, f"2019-03-{n + 1:02}"],
        header=["scan_id", "patient_id", "age_years", "sex", *names, "year"],
    )

    found = check(MEASURES, code=0)

    assert any("covariate year" in line and "dates or identifiers" in line for line in found["warning"])


def test_names_of_image_files_are_not_printed(check, tmp_path):
    images(tmp_path)
    text = (tmp_path / "registry.csv").read_text()
    (tmp_path / "ct1.nii.gz").rename(tmp_path / "Meier_1960-01-31.nii.gz")
    (tmp_path / "Meier_1960-01-31.nii.gz").write_bytes(b"no NIfTI")
    (tmp_path / "registry.csv").write_text(
        text.replace("ct1.nii.gz", "Meier_1960-01-31.nii.gz").replace("map2", "Schulz")
    )

    found = check(MAPS)

    assert "ct_path" in str(found["warning"] + found["error"])
    assert "segmentation_path of 's2'" in str(found["error"])
    assert "Meier" not in str(found)
    assert "Schulz" not in str(found)


def test_the_sample_of_a_large_study_is_reproducible_and_limited_in_time(check, tmp_path, monkeypatch):
    images(tmp_path, n=30)

    first = check(MAPS, code=0)
    again = check(MAPS, code=0)
    monkeypatch.setattr(image_checks, "SECONDS", 0)
    short = check(MAPS, code=0)

    [line] = [line for line in first["ok"] if line.startswith("images")]
    assert line.endswith("12 scans read completely (sample of 30 scans), 12 without errors")
    assert line in again["ok"]
    assert any("1 scan read completely" in line and "reading stopped after 0 s" in line for line in short["ok"])


def test_a_label_set_with_an_error_is_reported_with_its_line(check, tmp_path):
    measures(tmp_path / "measures.csv")
    (tmp_path / "structures.csv").write_text("label,structure,side,group,lower_bound_ml\n1,liver,,a,x\n")

    [found] = check(MEASURES, code=1)["error"]

    assert found.startswith("study ")
    assert "study.yaml, line 5: structures: structures.csv: line 2: lower_bound_ml must be a volume" in found


def test_each_error_of_the_configuration_is_a_finding_with_its_line(check):
    found = check(MEASURES, code=1, aging={"alpha": 2, "nmin": 3})

    assert [line.split(maxsplit=1)[1].partition(";")[0][:40] for line in found["error"]] == [
        "study.yaml, line 2: aging.alpha: 2 is gr",
        "study.yaml, line 3: aging.nmin: unknown ",
    ]


@pytest.mark.parametrize(
    ("name", "content", "setting", "finding"),
    [
        (
            "review.csv",
            "scan_id,structure\ns1,liver\n",
            "screen",
            "columns decision, reason, reviewer, date are missing",
        ),
        (
            "review.csv",
            "scan_id,structure,decision,reason,reviewer,date\nS1,liver,keep,a,AB,2024-05-31\n",
            "screen",
            "scan_id must be a scan of the registry; affected rows: 1, first in line 2: 'S1 liver'",
        ),
        ("truth.csv", "scan_id,structure\ns1,liver\n", "study", "columns volume_ml, hu_mean are missing"),
        ("references.csv", "scan_id\ns1\n", "evaluate", "columns scan_id and reference_path and at least one row"),
    ],
)
def test_the_other_tables_of_a_study_are_read_before_a_run(check, tmp_path, name, content, setting, finding):
    measures(tmp_path / "measures.csv")
    (tmp_path / name).write_text(content)
    if setting == "study":
        found = check({**MEASURES, "truth": name}, code=1)
    elif setting == "screen":
        found = check(MEASURES, code=1, screen={"review": name})
    else:
        images(tmp_path)
        found = check(MAPS, code=1, evaluate={"reference": name})

    assert any(finding in line for line in found["error"]), found["error"]


def test_known_absences_are_read_before_a_run(check, tmp_path):
    measures(tmp_path / "measures.csv", lambda row, number: [*row, "splen" if number == 3 else ""])
    path = tmp_path / "measures.csv"
    path.write_text(path.read_text().replace("\n", ",known_absent\n", 1))

    found = check(MEASURES, code=1)

    assert any("known_absent" in line and "first: 's3' ('splen')" in line for line in found["error"])


def test_statistics_without_any_value_are_an_error(check, tmp_path):
    (tmp_path / "statistics").mkdir()
    for number in range(2):
        entry = {"liver": {"volume": "1500000", "intensity": "60"}}
        (tmp_path / "statistics" / f"s{number}.json").write_text(json.dumps(entry))
    (tmp_path / "r.csv").write_text("scan_id,age_years\ns0,50\ns1,60\n")

    found = check({"start_from": "measures", "measures": "statistics", "registry": "r.csv"}, code=1)

    assert any("values of 0 of 2 scans" in line and "no value is usable" in line for line in found["error"])
