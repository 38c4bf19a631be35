"""Tests of reading the registry and of the command `cohort`: parsing, errors with line numbers, and exclusions."""

import logging

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import COHORT, EXCLUSIONS, FLOW
from ctpop.foundation.errors import ContractError
from ctpop.stages.cohort.command import count_flow, count_overlap, failed_criteria
from ctpop.study import criteria
from ctpop.study.inclusion import refuse_absent_columns
from ctpop.study.registry import as_truth, read_registry
from ctpop.study.registry_options import reading_of
from support.config_files import config_option

PAPER_ORDER = ["age_known", "complete", "contrast_enhanced"]
PAPERS = criteria.read(PAPER_ORDER)
HEADER = "scan_id,age_years,sex,complete,contrast"


def written(folder, *lines, name="registry.csv", encoding="utf-8"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def scans(folder, *rows):
    return read_registry(written(folder, HEADER, *rows))


def message_of(folder, *lines, **options):
    with pytest.raises(ContractError) as refused:
        read_registry(written(folder, *lines, **options))
    message = str(refused.value)
    assert message.startswith(str(folder / "registry.csv"))
    return message.removeprefix(str(folder / "registry.csv") + ": ")


def patients(count, age="60", complete="true", contrast="true", prefix="p"):
    return [f"{prefix}{number},{age},female,{complete},{contrast}" for number in range(count)]


# Reading the registry


def test_a_registry_is_read_with_numbers_boolean_values_and_text(tmp_path):
    path = written(
        tmp_path,
        "scan_id,patient_id,age_years,sex,ct_path,segmentation_path,complete,contrast,known_absent,height_cm",
        "a,p1,61.5,Female,ct/a.nii.gz,seg/a,yes,0,spleen kidney_left,171",
        "b,p2,0,MALE,,,,,,",
    )

    registry = read_registry(path)

    assert registry.loc[0].drop(["complete_header", "contrast_header", "source_conflict"]).to_dict() == {
        "scan_id": "a",
        "patient_id": "p1",
        "age_years": 61.5,
        "sex": "female",
        "ct_path": "ct/a.nii.gz",
        "segmentation_path": "seg/a",
        "complete": True,
        "contrast": False,
        "known_absent": "spleen kidney_left",
        "height_cm": "171",
    }
    assert registry.loc[1, ["scan_id", "patient_id", "age_years", "sex"]].to_list() == ["b", "p2", 0, "male"]
    assert registry.loc[1, ["ct_path", "segmentation_path", "complete", "contrast", "height_cm"]].isna().all()


def test_absent_columns_of_a_registry_contain_missing_values(tmp_path):
    registry = read_registry(written(tmp_path, "scan_id,age_years", "a,60", "b,61"))

    absent = ["patient_id", "sex", "ct_path", "segmentation_path", "complete", "contrast", "known_absent"]
    assert registry[absent].isna().all(axis=None)


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "yes", "Yes", "1"])
def test_words_for_true(tmp_path, word):
    assert scans(tmp_path, f"a,60,,{word},")["complete"].to_list() == [True]


@pytest.mark.parametrize("word", ["false", "False", "FALSE", "no", "NO", "0"])
def test_words_for_false(tmp_path, word):
    assert scans(tmp_path, f"a,60,,{word},")["complete"].to_list() == [False]


def test_boolean_values_of_empty_cells_are_missing():
    words = pd.Series([None, None], dtype="str")

    assert as_truth(words, pd.Series(["a", "b"]), "here").isna().all()


def test_a_byte_order_mark_and_blanks_around_cells_do_not_matter(tmp_path):
    plain = read_registry(written(tmp_path, HEADER, "a,60,female,true,false", name="plain.csv"))
    spaced = ["scan_id , age_years,  sex,complete ,contrast", " a, 60 ,female  , true, false"]
    other = read_registry(written(tmp_path, *spaced, encoding="utf-8-sig"))

    pd.testing.assert_frame_equal(other, plain)


def test_windows_line_ends_and_a_missing_last_line_end_do_not_matter(tmp_path):
    path = tmp_path / "registry.csv"
    path.write_bytes(b"scan_id,age_years\r\na,60\r\nb,61")

    assert read_registry(path)["age_years"].to_list() == [60, 61]


def test_empty_rows_and_columns_are_ignored(tmp_path):
    registry = read_registry(written(tmp_path, "scan_id,age_years,,", ",,,", "a,60,,", "", "b,61,,", ",,,"))

    assert registry["scan_id"].to_list() == ["a", "b"]
    assert "" not in registry.columns
    assert len(registry.columns) == 12


def test_rows_are_sorted_by_scan(tmp_path):
    assert scans(tmp_path, "b,60,,,", "a,61,,,", "A2,62,,,")["scan_id"].to_list() == ["A2", "a", "b"]


def test_common_codes_of_missing_values_are_kept_as_text(tmp_path):
    registry = read_registry(written(tmp_path, "scan_id,age_years,phase", "NA,60,None", "null,61,n/a"))

    assert registry["scan_id"].to_list() == ["NA", "null"]
    assert registry["phase"].to_list() == ["None", "n/a"]


# Rejecting invalid registries


def test_a_missing_registry_is_reported(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ContractError, match=r"folder\.csv: the registry is a folder; set study\.registry to a file"):
        read_registry(tmp_path / "folder.csv")
    with pytest.raises(ContractError, match=r"registry\.csv: the registry does not exist; set study\.registry"):
        read_registry(tmp_path / "registry.csv")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["age_years", "60"],
            "column scan_id is missing; the file contains age_years; assign the corresponding column",
        ),
        (["scan_id,sex", "a,male"], "column age_years is missing; the file contains scan_id, sex"),
        (
            ["ID,Age", "a,60"],
            "columns scan_id and age_years are missing; the file contains ID, Age; assign the corresponding columns in"
            " the study file: cohort: {columns: {ID: scan_id, Age: age_years}}",
        ),
        ([HEADER], "the table contains a header but no rows"),
        ([",,", ",,"], "line 1: the table is empty; add a header and rows"),
        (["scan_id,age_years,sex ,sex", "a,60,male,male"], "column names must be unique, but sex is the name of"),
        (["scan_id,age_years,", "a,60,x"], "column 3 has no name, but contains 'x'; add a name to the header"),
    ],
)
def test_an_invalid_header_is_reported(tmp_path, lines, expected):
    assert message_of(tmp_path, *lines).startswith(expected)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (
            ["scan_id,age_years", "a,60", "b,61,male"],
            "line 3: the row has 3 cells, but the header has 2 names (1 affected row)",
        ),
        (["scan_id,age_years", "a,60,", "b,61,"], "remove the separator at the end of these rows"),
        (["scan_id,age_years", 'a,"60'], "line 2: unexpected end of data; correct the quotation marks"),
        ([], "line 1: the table is empty; add a header and rows"),
    ],
)
def test_a_malformed_table_is_rejected_and_not_read_with_shifted_cells(tmp_path, lines, found):
    assert found in message_of(tmp_path, *lines)


@pytest.mark.parametrize(
    ("scan_id", "shown"),
    [
        ("a b", "'a b'"),
        ("a/b", "'a/b'"),
        ("../a", "'../a'"),
        (".a", "'.a'"),
        ("-a", "'-a'"),
        ("ä", "'ä'"),
        ("", "nan"),
        ("a" * 101, "'" + "a" * 101 + "'"),
    ],
)
def test_an_id_that_is_not_a_valid_file_name_is_rejected(tmp_path, scan_id, shown):
    message = message_of(tmp_path, HEADER, "good,60,,,", f"{scan_id},61,male,,")

    assert message == (
        "scan_id is used in file names and must contain only letters, digits, '.', '_', and '-', begin with a letter, a"
        " digit, or '_', and have at most 100 characters, but 1 row violates this rule:"
        f" line 3 (scan {shown})"
    )


@pytest.mark.parametrize("scan_id", ["a.b-c_D", "0001", "_a", "a" * 100])
def test_an_id_that_is_a_valid_file_name_is_kept_unchanged(tmp_path, scan_id):
    assert scans(tmp_path, f"{scan_id},60,,,")["scan_id"].to_list() == [scan_id]


def test_ids_that_differ_only_in_case_are_rejected_with_all_lines(tmp_path):
    message = message_of(tmp_path, HEADER, "Scan1,60,,,", "b,60,,,", "", "scan1,61,,,", "B,60,,,", "c,60,,,")

    assert message == (
        "scan_id must be unique (ignoring case), but 4 rows violate this rule:"
        " line 2 (scan 'Scan1'), line 3 (scan 'b'), line 5 (scan 'scan1'), …"
    )


@pytest.mark.parametrize("age", ["sixty", "6O", "60-64", "60;5"])
def test_an_age_that_is_not_a_number_is_rejected(tmp_path, age):
    message = message_of(tmp_path, "scan_id,age_years", "a,60", f'b,"{age}"')

    assert message == (
        "age_years must be a number or empty, but 1 row violates this rule:"
        f" line 3 (scan 'b', value '{age}'); declare the meaning of other values in the study file: cohort:"
        f' {{values: {{age_years: {{"{age}": null}}}}}} (null for an unknown age, or a number in quotation marks, such'
        ' as "90")'
    )


@pytest.mark.parametrize("age", ["-1", "121", "999", "inf"])
def test_an_age_outside_the_valid_range_is_rejected_with_the_remedy(tmp_path, age):
    assert message_of(tmp_path, "scan_id,age_years", "a,60", f"b,{age}") == (
        f"age_years must be from 0 to 120 years, but 1 row violates this rule: line 3 (scan 'b', value '{age}'); add"
        " the unit to ages that are not in years (such as 540M for 540 months), or declare the value as missing in the"
        f' study file: cohort: {{values: {{age_years: {{"{age}": null}}}}}}'
    )


def test_an_age_of_zero_with_a_unit_among_others_is_missing_and_reported(tmp_path):
    path, notes = tmp_path / "registry.csv", []
    path.write_text("scan_id,age_years\na,061Y\nb,000Y\n")

    ages = read_registry(path, notes=notes)["age_years"]

    assert [ages[0], pd.isna(ages[1])] == [61.0, True]
    assert any("are placeholders and are read as missing" in note for note in notes)


def test_an_unknown_code_of_sex_is_rejected_with_the_setting_that_defines_it(tmp_path):
    message = message_of(tmp_path, HEADER, "a,60,X,,", "b,60,female,,", "c,60,other,,")

    assert message.endswith(
        'cohort: {values: {sex: {"X": null, "other": null}}} (female, male, or null for a sex that is not recorded)'
    )
    assert "but 2 rows violate this rule: line 2 (scan 'a', value 'x'), line 4 (scan 'c', value 'other');" in message


@pytest.mark.parametrize(("column", "row"), [("complete", "b,60,,maybe,"), ("contrast", "b,60,,,maybe")])
def test_an_invalid_boolean_value_is_rejected(tmp_path, column, row):
    message = message_of(tmp_path, HEADER, "a,60,,true,true", row)

    assert message == (
        f"{column} must be true, yes, 1, false, no, 0, or empty, but 1 row violates this rule: line 3 (scan 'b', value"
        " 'maybe'); declare the meaning of other values in the study file: cohort:"
        f' {{values: {{{column}: {{"maybe": null}}}}}} ("true", "false", or null for a value that is not recorded)'
    )


# Applying the criteria


def test_each_failed_criterion_of_a_scan_is_a_row(tmp_path):
    registry = scans(tmp_path, "all,,,false,false", "none,60,,true,true", "unknown,60,,,", "old,90,,true,no")

    failed = failed_criteria(registry, PAPERS)

    shown = failed.drop(columns="patient_id").astype({"found": object}).fillna("nothing")
    assert list(shown.itertuples(index=False, name=None)) == [
        ("all", "age_known", 1, "nothing", "known"),
        ("all", "complete", 2, "false", "true"),
        ("all", "contrast_enhanced", 3, "false", "true"),
        ("old", "contrast_enhanced", 3, "false", "true"),
        ("unknown", "complete", 2, "nothing", "true"),
        ("unknown", "contrast_enhanced", 3, "nothing", "true"),
    ]
    assert failed["found"].isna().to_list() == [True, False, False, False, True, True]


def test_a_criterion_with_a_missing_value_counts_as_failed(tmp_path):
    registry = scans(tmp_path, "a,,,,")

    assert failed_criteria(registry, PAPERS)["criterion"].to_list() == PAPER_ORDER


def test_an_age_of_zero_is_known(tmp_path):
    assert len(failed_criteria(scans(tmp_path, "newborn,0,,,"), PAPERS[:1])) == 0


def test_the_cohort_of_the_original_study_has_4004_of_4102_patients(tmp_path):
    registry = scans(
        tmp_path,
        *patients(20, age="", prefix="age"),
        *patients(6, age="", complete="false", prefix="age_and_incomplete"),
        *patients(4, age="", complete="", contrast="no", prefix="all_three"),
        *patients(30, complete="no", prefix="incomplete"),
        *patients(3, complete="", contrast="", prefix="incomplete_and_native"),
        *patients(35, contrast="false", prefix="native"),
        *patients(4004, prefix="included"),
    )

    failed = failed_criteria(registry, PAPERS)
    flow = count_flow(registry, failed, PAPERS)

    assert flow.to_dict("list") == {
        "order": [1, 2, 3],
        "criterion": PAPER_ORDER,
        "sentence": ["Age not known", "Images incomplete", "No contrast agent given"],
        "n_before": [4102, 4072, 4039],
        "n_patients_before": [4102, 4072, 4039],
        "n_removed": [30, 33, 35],
        "n_patients_removed": [30, 33, 35],
        "n_after": [4072, 4039, 4004],
        "n_patients_after": [4072, 4039, 4004],
    }
    assert failed["scan_id"].nunique() == 98
    assert len(failed) == 30 + 43 + 42


def test_another_order_removes_the_same_scans_at_other_criteria(tmp_path):
    registry = scans(tmp_path, "a,,,false,true", "b,60,,false,true", "c,60,,true,true", "d,,,true,true")
    order = criteria.read(["complete", "age_known"])

    flow = count_flow(registry, failed_criteria(registry, order), order)

    assert flow["n_removed"].to_list() == [2, 1]
    assert flow["n_after"].to_list() == [2, 1]


def test_a_patient_is_counted_in_the_flow_until_the_last_scan_is_removed(tmp_path):
    registry = scans(tmp_path, "a,,,true,true", "b,60,,false,true", "c,60,,true,true", "d,60,,true,true")
    registry["patient_id"] = pd.Series(["p1", "p1", "p2", None], dtype="str")
    order = criteria.read(["age_known", "complete"])

    flow = count_flow(registry, failed_criteria(registry, order), order)

    assert flow["n_after"].to_list() == [3, 2]
    assert flow["n_patients_before"].to_list() == [3, 3]
    assert flow["n_patients_removed"].to_list() == [1, 1]  # p1 is removed twice, with one scan each time
    assert flow["n_patients_after"].to_list() == [3, 2]


def test_the_overlap_counts_the_patients_of_the_scans_that_fail_both(tmp_path):
    registry = scans(tmp_path, "a,,,false,true", "b,,,false,true", "c,,,true,true", "d,,,false,true", "e,,,false,true")
    registry["patient_id"] = pd.Series(["p1", "p1", "p1", None, None], dtype="str")
    order = criteria.read(["age_known", "complete"])
    failed = failed_criteria(registry, order)

    overlap = count_overlap(failed, order).set_index(["criterion", "other"])

    assert failed.drop_duplicates("scan_id")["patient_id"].to_list()[:3] == ["p1"] * 3
    assert overlap.loc[("age_known", "age_known"), ["n_both", "n_patients_both"]].to_list() == [5, 3]
    assert overlap.loc[("age_known", "complete"), ["n_both", "n_patients_both"]].to_list() == [4, 3]


def test_without_criteria_all_scans_are_included(tmp_path):
    registry = scans(tmp_path, "a,,,,", "b,60,,,")

    failed = failed_criteria(registry, [])

    assert len(failed) == 0
    assert len(count_flow(registry, failed, [])) == 0


@pytest.mark.parametrize(
    ("start_from", "names", "problem"),
    [
        ("images", [], "start_from images requires column ct_path"),
        ("segmentations", [], "start_from segmentations requires column segmentation_path"),
        ("measures", ["complete"], "criterion complete requires column complete"),
        ("measures", ["contrast_enhanced"], "criterion contrast_enhanced requires column contrast"),
    ],
)
def test_a_registry_without_a_required_column_is_rejected(tmp_path, start_from, names, problem):
    path = tmp_path / "registry.csv"

    with pytest.raises(ContractError) as refused:
        refuse_absent_columns(["scan_id", "age_years"], path, start_from, criteria.read(names))

    message = str(refused.value)
    column = problem.rpartition(" ")[2]
    remedy = f"add the column, or map another column: cohort: {{columns: {{COLUMN: {column}}}}}"
    assert message.startswith(f"{path}: {problem}, found scan_id, age_years; {remedy}")
    assert message.endswith("; without this column, set cohort: {criteria: []}") == bool(names)


@pytest.mark.parametrize("contrast", ["contrast", "contrast_header"])
def test_a_registry_with_the_required_columns_is_accepted(tmp_path, contrast):
    refuse_absent_columns(["scan_id", "age_years", "ct_path", contrast], tmp_path, "images", [PAPERS[0], PAPERS[2]])


# The command


def run(folder, registry, *options):
    outputs = {name: folder / "tables" / f"{name}.parquet" for name in ("cohort", "exclusions", "flow", "overlap")}
    files = [word for name, path in outputs.items() for word in (f"--{name}", str(path))]
    return main(["cohort", "--registry", str(registry), *files, *options]), outputs


def test_the_command_writes_the_cohort_the_exclusions_and_the_flow(tmp_path, caplog):
    registry = written(
        tmp_path, f"{HEADER},ct_path", *[f"{row},a.nii.gz" for row in patients(3)], "x,,,true,true,b.nii"
    )
    (tmp_path / "a.nii.gz").touch()

    with caplog.at_level(logging.INFO):
        code, outputs = run(tmp_path, registry)

    assert code == 0
    assert COHORT.read(outputs["cohort"])["scan_id"].to_list() == ["p0", "p1", "p2"]
    assert EXCLUSIONS.read(outputs["exclusions"])["scan_id"].to_list() == ["x"]
    assert FLOW.read(outputs["flow"])["n_after"].to_list() == [3, 3, 3]
    assert "4 scans in the registry = 3 in the cohort + 1 excluded" in caplog.messages


def test_the_output_does_not_depend_on_the_order_of_rows(tmp_path):
    rows = [*patients(5), "x,,,true,true"]
    one = run(tmp_path / "1", written(tmp_path, HEADER, *rows, name="1.csv"), "--start-from", "measures")[1]
    two = run(tmp_path / "2", written(tmp_path, HEADER, *rows[::-1], name="2.csv"), "--start-from", "measures")[1]

    assert [path.read_bytes() for path in one.values()] == [path.read_bytes() for path in two.values()]


def test_a_registry_whose_scans_are_all_excluded_gives_an_empty_cohort(tmp_path):
    code, outputs = run(tmp_path, written(tmp_path, HEADER, *patients(2, age="")), "--start-from", "measures")

    assert code == 0
    assert len(COHORT.read(outputs["cohort"])) == 0
    assert FLOW.read(outputs["flow"])["n_after"].to_list() == [0, 0, 0]


def test_criteria_are_read_from_the_settings(tmp_path):
    settings = config_option(cohort={"criteria": ["contrast_enhanced"]})
    registry = written(tmp_path, HEADER, "a,,,,true", "b,60,,true,")

    _, outputs = run(tmp_path, registry, "--start-from", "measures", *settings)

    assert COHORT.read(outputs["cohort"])["scan_id"].to_list() == ["a"]


@pytest.mark.parametrize(("start_from", "column"), [("images", "ct_path"), ("segmentations", "segmentation_path")])
def test_the_study_stops_if_none_of_the_first_files_exists(tmp_path, capsys, start_from, column):
    registry = written(tmp_path, f"{HEADER},{column}", *[f"{row},{row[:2]}.nii.gz" for row in patients(30)])

    code, outputs = run(tmp_path, registry, "--start-from", start_from)

    assert code == 1
    assert capsys.readouterr().err == (
        f"error in cohort: {column}: none of the first 20 files exists, for example {tmp_path / 'p0.nii.gz'};"
        " correct the paths, which are absolute or relative to the folder of the registry\n"
    )
    assert not any(path.exists() for path in outputs.values())


def test_the_study_continues_if_one_of_the_first_files_exists(tmp_path):
    registry = written(tmp_path, f"{HEADER},ct_path", *[f"{row},{row[:2]}.nii.gz" for row in patients(3)])
    (tmp_path / "p2.nii.gz").touch()

    assert run(tmp_path, registry)[0] == 0


def test_an_error_in_the_registry_is_reported_in_one_line(tmp_path, capsys):
    code, _ = run(tmp_path, written(tmp_path, HEADER, "a,old,,,"))

    error = capsys.readouterr().err
    assert code == 1
    assert error.startswith(f"error in cohort: {tmp_path / 'registry.csv'}: age_years must be a number")
    assert "Traceback" not in error


def test_repeated_patients_are_reported_with_the_criterion_that_includes_one_scan(tmp_path, caplog):
    rows = [f"{name},{patient},60,true,true,{name}.nii" for name, patient in (("a", "p1"), ("b", "p1"), ("c", "p2"))]
    registry = written(tmp_path, "scan_id,patient_id,age_years,complete,contrast,ct_path", *rows)
    for name in "abc":
        (tmp_path / f"{name}.nii").touch()

    with caplog.at_level(logging.WARNING):
        run(tmp_path, registry)

    assert "3 scans of 2 patients: results describe scans; P values and confidence intervals account" in caplog.text
    assert "one_per_patient: first" in caplog.text


def test_inferences_are_logged_once(tmp_path, caplog):
    registry = written(tmp_path, "scan_id;age_years;sex;ct_path", "a;60,5;F;a.nii", "b;61;m;b.nii")
    for name in "ab":
        (tmp_path / f"{name}.nii").touch()

    with caplog.at_level(logging.INFO):
        run(tmp_path, registry)

    assert caplog.text.count("the separator is a semicolon") == 1
    assert caplog.text.count("column age_years contains decimal commas: 60,5 is read as 60.5") == 1
    assert caplog.text.count("F is read as female, m as male") == 1


def test_scans_that_share_a_file_are_reported_without_its_name(tmp_path, caplog):
    files = (("a", "one.nii"), ("b", "./one.nii"), ("c", "two.nii"))
    rows = [f"{name},{name},60,true,true,{path}" for name, path in files]
    registry = written(tmp_path, "scan_id,patient_id,age_years,complete,contrast,ct_path", *rows)
    for name in ("one", "two"):
        (tmp_path / f"{name}.nii").touch()

    with caplog.at_level(logging.WARNING):
        run(tmp_path, registry)

    assert "2 scans share a file in column ct_path with another scan, first a, b" in caplog.text
    assert "one.nii" not in caplog.text


def test_doubtful_patients_of_the_dicom_index_are_reported_with_the_criterion_that_excludes_them(tmp_path, caplog):
    header = "scan_id,patient_id,age_years,sex,complete,contrast,ct_path,patient_reason"
    reasons = {"a": "male,yes,yes,a.nii,several_sexes", "b": "female,yes,yes,b.nii,several_sexes"}
    rows = [f"{name},p1,60,{words}" for name, words in reasons.items()] + ["c,p2,60,male,yes,yes,c.nii,ok"]
    registry = written(tmp_path, header, *rows)
    for name in "abc":
        (tmp_path / f"{name}.nii").touch()

    with caplog.at_level(logging.WARNING):
        run(tmp_path, registry)

    assert "2 scans, first a, have a PatientID that may belong to several patients (several_sexes)" in caplog.text
    kept = "ok, no_patient_id, no_patient_id_no_study, study_of_several_patients"
    assert f"column: patient_reason, in: [{kept}]}}" in caplog.text


def test_patient_ids_of_the_same_dicom_study_are_reported_and_their_data_are_checked(tmp_path, caplog):
    header = "scan_id,patient_id,age_years,sex,complete,contrast,ct_path,patient_reason"
    rows = [f"{name},p{name},60,male,yes,yes,{name}.nii,study_of_several_patients" for name in "ab"]
    registry = written(tmp_path, header, *rows)
    for name in "ab":
        (tmp_path / f"{name}.nii").touch()

    with caplog.at_level(logging.WARNING):
        run(tmp_path, registry)

    assert "2 scans, first a, belong to a DICOM study with several PatientIDs (study_of" in caplog.text
    contradicting = [row.replace(",pb,", ",pa,").replace("b,pa,60,male", "b,pa,60,female") for row in rows]
    assert "sex must be the same" in message_of(tmp_path, header, *contradicting)


@pytest.mark.parametrize("word", ["Mean", "Mittelwert", "total"])
def test_a_summary_row_below_a_table_is_rejected(tmp_path, word):
    message = message_of(tmp_path, "scan_id,age_years", "a,60", f"{word},60")

    assert message.startswith("scan_id must identify a scan, not a summary of rows (such as mean or total), but 1 row")
    assert message.endswith("; delete these rows")


def test_a_column_name_similar_to_a_standard_column_is_reported_with_its_setting(tmp_path):
    path, notes = tmp_path / "registry.csv", []
    path.write_text("scan_id,age_years,height\na,61,170\n")

    read_registry(path, notes=notes)

    assert notes == [
        "column height keeps its name and is not used as height_cm; to use it as height_cm, set cohort: {columns:"
        " {height: height_cm}}"
    ]


def test_dates_of_birth_instead_of_ages_are_reported_with_the_remedy(tmp_path):
    message = message_of(tmp_path, "scan_id,dob,study_date", "a,1950-01-01,2020-01-01")

    assert message.endswith(", or compute the ages from dob and the scan date and add them as age_years")


def test_ages_that_are_all_groups_or_dates_are_reported_together(tmp_path):
    for words in (["60-69", "70-79", "90+"], ["1960-01-03", "1955-04-01", "1971-12-31"]):
        message = message_of(tmp_path, "scan_id,age_years", *(f"s{n},{word}" for n, word in enumerate(words)))

        assert "if the column contains dates, replace them with ages in years; age groups cannot be used" in message
        assert "values" not in message


def test_settings_for_absent_columns_are_rejected(tmp_path):
    (tmp_path / "r.csv").write_text("scan_id,age_years,Geschlecht,bmi\ns1,60,f,25\n")
    for settings, expected in (
        (
            {"columns": {"Geschlecht": "sexx"}},
            "set cohort: {columns: {Geschlecht: sex}}; otherwise, choose another name",
        ),
        (
            {"values": {"Geschlecht ": {"f": "female"}}},
            "cohort.values contains Geschlecht , but the registry has no such column; available columns: scan_id, age",
        ),
    ):
        with pytest.raises(ContractError) as refused:
            read_registry(tmp_path / "r.csv", reading_of(settings))
        assert expected in str(refused.value)
    for settings in ({"columns": {"bmi": "index"}}, {"values": {"contrast": {"x": "true"}}}):
        assert len(read_registry(tmp_path / "r.csv", reading_of(settings))) == 1
