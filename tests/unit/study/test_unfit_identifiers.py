"""IDs that were rounded, that denote a missing ID, or that have two spellings, and ages that denote a missing age."""

import openpyxl
import pytest
import yaml

from ctpop.foundation.errors import ContractError
from ctpop.study import measures_table
from ctpop.study.external_measures import read_external_measures
from ctpop.study.registry import read_registry
from ctpop.study.registry_options import Reading, reading_of
from ctpop.study.statistics_folder import read_folder


def registry(folder, patients=None, ages=None, settings=None):
    n = len(patients or ages)
    rows = zip(range(n), patients or range(n), ages or [60 + place for place in range(n)], strict=True)
    lines = [f"s{number},{patient},{age}" for number, patient, age in rows]
    (folder / "r.csv").write_text("\n".join(["scan_id,patient_id,age_years", *lines]))
    return read_registry(folder / "r.csv", reading_of(settings or {}))


def refused(*args, **settings):
    with pytest.raises(ContractError) as error:
        registry(*args, **settings)
    return str(error.value)


def test_rounded_patient_ids_are_rejected_without_printing_them(tmp_path):
    message = refused(tmp_path, ["1.23457E+12", "1.23457E+12", "p3"])

    assert "line 2: patient_id must be the complete ID, but is a number" in message
    assert "(affected rows: 2)" in message
    assert "23457" not in message


@pytest.mark.parametrize("word", ["1.23457E+12", "1.234568e+12"])
def test_rounded_scan_ids_are_rejected_with_the_remedy(tmp_path, word):
    (tmp_path / "r.csv").write_text(f"scan_id,age_years\ns1,61\n{word},55\n")
    with pytest.raises(ContractError, match=r"line 3: scan_id must be the complete ID, .* export the column as text"):
        read_registry(tmp_path / "r.csv")
    (tmp_path / "m.csv").write_text(f"scan_id,liver_hu_mean\ns1,61\n{word},55\n")
    with pytest.raises(ContractError, match=r"line 3: scan_id must be the complete ID, .* export the column as text"):
        measures_table.read(tmp_path / "m.csv", Reading(section="measure"), ["liver"])


def test_long_numeric_scan_ids_of_a_workbook_are_rejected_with_the_remedy(tmp_path):
    book = openpyxl.Workbook()
    for row in (["scan_id", "age_years"], [1234567890123456, 60], ["s2", 61]):
        book.active.append(row)
    book.save(tmp_path / "r.xlsx")
    with pytest.raises(ContractError, match=r"line 2: scan_id must be the complete ID, .* \(affected rows: 1\)"):
        read_registry(tmp_path / "r.xlsx")


def test_long_numeric_patient_ids_of_a_workbook_are_rejected(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["scan_id", "patient_id", "age_years"])
    for row in range(3):
        book.active.append([f"s{row}", 12345678901234567000 + row, 60])
    book.save(tmp_path / "r.xlsx")

    with pytest.raises(ContractError, match=r"line 2: patient_id must be the complete ID, .* \(affected rows: 3\)"):
        read_registry(tmp_path / "r.xlsx")


@pytest.mark.parametrize(("first", "second"), [("P1", "p1"), ("007", "7"), ("7", "7.0"), ("P_1", "P-01")])
def test_two_spellings_of_a_patient_id_are_rejected_without_printing_them(tmp_path, first, second):
    message = refused(tmp_path, [first, "other", second], [60, 60, 60])

    assert "lines 2, 4: patient_id must have the same spelling in all rows of a patient" in message
    assert "differ only in case, leading zeros, or punctuation (affected patients: 1); if both IDs belong" in message
    assert f"'{first}'" not in message


@pytest.mark.parametrize(("first", "second"), [("P1", "P01"), ("P1", "p1"), ("7", "7.0")])
def test_the_printed_settings_define_one_patient_or_two_patients(tmp_path, first, second):
    patients, ages = [first, "other", second], [60, 60, 60]
    message = refused(tmp_path, patients, ages)
    one, two = (line.split(";")[0] for line in message.split("set cohort: {values: {patient_id: ")[1:])
    for line, n_patients in ((one, 2), (two, 3)):
        meanings = yaml.safe_load(line.removesuffix("}}").replace("ID1", first).replace("ID2", second))
        found = registry(tmp_path, patients, ages, settings={"values": {"patient_id": meanings}})
        assert found["patient_id"].nunique() == n_patients


@pytest.mark.parametrize("word", ["n/a", "unknown", "0", "0.0", "-1.0", "99999"])
def test_words_for_a_missing_patient_id_are_rejected(tmp_path, word):
    patients = ["a", word, "b", word, "c", word]
    message = refused(tmp_path, patients)
    assert f"patient_id is '{word}', which probably denotes a missing ID (affected rows: 3)" in message
    assert f'set cohort: {{values: {{patient_id: {{"{word}": null}}}}}}' in message

    found = registry(tmp_path, patients, settings={"values": {"patient_id": {word: None}}})
    assert found["patient_id"].isna().sum() == 3
    as_stated = registry(tmp_path, patients, settings={"values": {"patient_id": {word: word}}})
    assert as_stated["patient_id"].eq(word).sum() == 3


def test_hashes_that_differ_in_zeros_are_different_ids(tmp_path):
    assert registry(tmp_path, ["p0a1b01c", "p0a01b1c", "pa1b1c"])["patient_id"].nunique() == 3


def test_patient_ids_that_count_from_zero_are_accepted(tmp_path):
    assert registry(tmp_path, [0, 0, 1, 1, 2, 2])["patient_id"].nunique() == 3


@pytest.mark.parametrize(
    ("ages", "word"),
    [([61, 0, 50, 0], "0"), ([*range(50, 60), 0], "0"), ([61, 99, 50, 99], "99"), ([12, 0, 40, 0], "0")],
)
def test_codes_for_a_missing_age_are_rejected_with_the_setting(tmp_path, ages, word):
    assert f'{{age_years: {{"{word}": null}}}}' in refused(tmp_path, ages=ages)
    missing = registry(tmp_path, ages=ages, settings={"values": {"age_years": {word: None}}})
    assert missing["age_years"].isna().sum() == ages.count(int(word))
    stated = registry(tmp_path, ages=ages, settings={"values": {"age_years": {word: word}}})
    assert stated["age_years"].eq(int(word)).sum() == ages.count(int(word))


@pytest.mark.parametrize(
    ("words", "years"),
    [
        (["61.0", "0.0", "0.0"], 0),
        (["61.0", "0", "0.0"], 0),
        (["61.0", "99.0", "99.0"], 99),
        (["61,5", "0,0", "0,0"], 0),
        (["61Y", "099Y", "099Y"], 99),
    ],
)
def test_the_printed_setting_for_missing_ages_applies_to_each_notation(tmp_path, words, years):
    cells = [f'"{word}"' for word in words]
    message = refused(tmp_path, ages=cells)
    printed = message.partition("{age_years: ")[2]
    missing = yaml.safe_load(printed.partition("}")[0] + "}")
    meant = yaml.safe_load(printed.partition("or ")[2].partition("}")[0] + "}")

    found = registry(tmp_path, ages=cells, settings={"values": {"age_years": missing}})
    assert found["age_years"].isna().tolist() == [False, True, True]
    stated = registry(tmp_path, ages=cells, settings={"values": {"age_years": meant}})
    assert stated["age_years"].tolist()[1:] == [years, years]


def test_a_number_declared_as_missing_is_missing_in_each_notation(tmp_path):
    ages = ["61.0", "0.0", "0.0"]
    for settings in ({"values": {"age_years": {"0": None}}}, {"missing": ["0"]}):
        assert registry(tmp_path, ages=ages, settings=settings)["age_years"].isna().sum() == 2
    other_word = refused(tmp_path, ages=ages, settings={"values": {"age_years": {"99": "99"}}})
    assert "age_years is 0, which probably denotes a missing age" in other_word
    coded = registry(tmp_path, ages=["61", "5", "0"], settings={"values": {"age_years": {"5": "0", "0": None}}})
    assert coded["age_years"].fillna(-1).tolist() == [61, 0, -1]


@pytest.mark.parametrize("ages", [[0, 3, 61], [0, 0, 5, 61], [99, 61, 50], [99, 99, 97, 61], [17, 0, 40], [61, 0, 50]])
def test_ages_near_other_ages_are_accepted(tmp_path, ages):
    assert sorted(registry(tmp_path, ages=ages)["age_years"]) == sorted(ages)


@pytest.mark.parametrize("word", ["N", "Count", "SEM", "Median (IQR)", "Mean"])
def test_a_summary_row_is_not_a_scan(tmp_path, word):
    path = tmp_path / "m.csv"
    path.write_text(f"Name,age_years,liver_hu_mean\nA,61,60\nB,50,55\n{word},55.5,57.5\n")
    with pytest.raises(ContractError, match=r"line 4: each row must represent a scan, .* delete the summary rows"):
        measures_table.read(path, Reading(section="measure"), ["liver"])
    if "(" not in word:
        (tmp_path / "r.csv").write_text(f"scan_id,age_years\ns1,61\n{word},55\n")
        with pytest.raises(ContractError, match="not a summary of rows"):
            read_registry(tmp_path / "r.csv")


def test_a_summary_word_in_a_row_with_other_words_is_a_category(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("colectomy,sex,liver_hu_mean\nnone,female,60\ntotal,male,55\n")
    assert len(measures_table.read(path, Reading(section="measure"), ["liver"])) == 2
    path.write_text(
        "sex,scanner,age_years,liver_hu_mean\nF,A,61,60\nM,B,50,55\nMean (n=2),,n/a,57.5\nTotal,n=2,,57.5\n"
    )
    with pytest.raises(
        ContractError, match=r"line 5: each row must represent a scan, .* use another word if the row is a"
    ):
        measures_table.read(path, Reading(section="measure"), ["liver"])


@pytest.mark.parametrize("theirs", ["S01", "s1", "s01.0", "s-01", "s01.nii.gz"])
def test_scan_ids_in_another_spelling_are_rejected(tmp_path, theirs):
    ours = "s_01" if theirs == "s-01" else "s01"
    (tmp_path / "m.csv").write_text(f"scan_id,liver_hu_mean\n{theirs},60\ns02,55\n")
    with pytest.raises(ContractError, match=rf"an ID in the table is .* instead of '{ours}' \(affected scans: 1\)"):
        read_external_measures(tmp_path / "m.csv", [ours, "s02"], ["liver"])


def test_statistics_files_with_another_spelling_are_rejected(tmp_path):
    for name in ("S1.json", "s2.json"):
        (tmp_path / name).write_text('{"liver": {"volume": 1500000, "intensity": 60}}')
    with pytest.raises(ContractError, match=r"is 'S1.json' instead of 's1' .* use the spelling of the"):
        read_folder(tmp_path, ["s1", "s2"], ["liver"])


def test_a_folder_without_files_of_scans_is_rejected_with_its_contents(tmp_path):
    (tmp_path / "s1_statistics.json").write_text("{}")
    with pytest.raises(ContractError, match=r"contains s1_statistics.json; rename the files or folders"):
        read_folder(tmp_path, ["s1"], ["liver"])
    (tmp_path / "s1_statistics.json").rename(tmp_path / "s1.json")
    (tmp_path / "s1.json").write_text('{"Leber": {"volume": 1, "intensity": 1}}')
    with pytest.raises(ContractError, match=r"such as liver\); the first file contains Leber; set structures"):
        read_folder(tmp_path, ["s1"], ["liver"])
