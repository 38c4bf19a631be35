"""The shard of a scan depends only on the patient, and the digest of a shard only on its rows."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ctpop.stages.segment import command as segment
from ctpop.study import shards
from ctpop.study.registry_options import Reading

WORKFLOW = Path(shards.__file__).parents[2]


def registry_rows(patients, scans_each=2):
    return [
        {"scan_id": f"{patient}-{scan}", "patient_id": patient, "age_years": "50"}
        for patient in patients
        for scan in range(scans_each)
    ]


def write_registry(path, rows, columns=None, encoding="utf-8"):
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, columns or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def changed(before, after):
    return [name for name in before if before[name] != after[name]]


@pytest.mark.parametrize(("patient", "of_4", "of_16"), [("p1", 3, 3), ("scan-7", 2, 2)])
def test_the_shard_of_a_patient_depends_on_the_sha256(patient, of_4, of_16):
    # printf p1 | sha256sum: f64551fcd6f07823...; printf scan-7 | sha256sum: 4f79d4f276930712...
    assert shards.shard_of(patient, 4) == of_4
    assert shards.shard_of(patient, 16) == of_16


def test_shards_are_about_equally_large():
    sizes = pd.Series([shards.shard_of(f"patient-{number}", 16) for number in range(4000)]).value_counts()

    assert len(sizes) == 16
    assert sizes.between(190, 310).all()  # expected value 250, plus or minus 4 standard deviations of 15


def test_a_patient_without_an_identifier_is_identified_by_the_scan():
    assert shards.key_of({"scan_id": "s1", "patient_id": ""}) == "s1"
    assert shards.key_of({"scan_id": "s1"}) == "s1"
    assert shards.key_of({"scan_id": "s1", "patient_id": " p1 "}) == "p1"


def test_shard_names_count_from_one_and_can_be_parsed():
    assert shards.shard_names(3) == ["1-of-3", "2-of-3", "3-of-3"]
    assert [shards.parse_shard(name) for name in shards.shard_names(3)] == [(0, 3), (1, 3), (2, 3)]


@pytest.mark.parametrize("name", ["0-of-3", "4-of-3", "3", "a-of-b", ""])
def test_an_invalid_shard_name_is_rejected(name):
    with pytest.raises(ValueError, match=r"shard|invalid literal"):
        shards.parse_shard(name)


@pytest.mark.parametrize("number", [1, 3, 7])
def test_every_scan_is_in_one_shard_and_all_scans_of_a_patient_in_the_same(number):
    cohort = pd.DataFrame(registry_rows([f"p{i}" for i in range(50)]))
    cohort.loc[:9, "patient_id"] = None

    parts = [segment.members(cohort, shard, number) for shard in range(number)]

    assert sorted(scan for part in parts for scan in part["scan_id"]) == sorted(cohort["scan_id"])
    homes = pd.concat([part.assign(shard=shard) for shard, part in enumerate(parts)]).dropna(subset="patient_id")
    assert homes.groupby("patient_id")["shard"].nunique().eq(1).all()


def test_a_new_patient_changes_the_digest_of_only_one_shard(tmp_path):
    rows = registry_rows([f"p{i}" for i in range(40)])
    before = shards.shard_digests(write_registry(tmp_path / "before.csv", rows), 8)
    after = shards.shard_digests(write_registry(tmp_path / "after.csv", [*rows, *registry_rows(["new"])]), 8)

    assert changed(before, after) == [shards.shard_names(8)[shards.shard_of("new", 8)]]


def test_a_changed_cell_changes_only_the_digest_of_its_shard(tmp_path):
    rows = registry_rows([f"p{i}" for i in range(40)])
    before = shards.shard_digests(write_registry(tmp_path / "before.csv", rows), 8)
    rows[10]["age_years"] = "51"
    after = shards.shard_digests(write_registry(tmp_path / "after.csv", rows), 8)

    assert changed(before, after) == [shards.shard_names(8)[shards.shard_of(rows[10]["patient_id"], 8)]]


def test_the_order_of_rows_and_columns_does_not_change_a_digest(tmp_path):
    rows = registry_rows([f"p{i}" for i in range(40)])
    columns = ["age_years", "patient_id", "scan_id"]

    one = shards.shard_digests(write_registry(tmp_path / "one.csv", rows), 8)
    two = shards.shard_digests(write_registry(tmp_path / "two.csv", rows[::-1], columns), 8)

    assert len(set(one.values())) == 8
    assert one == two


def test_a_byte_order_mark_and_blanks_around_names_do_not_move_a_patient(tmp_path):
    rows = registry_rows([f"p{i}" for i in range(40)])
    plain = shards.shard_digests(write_registry(tmp_path / "plain.csv", rows), 8)

    marked = write_registry(tmp_path / "marked.csv", rows, encoding="utf-8-sig")
    blanks = tmp_path / "blanks.csv"
    blanks.write_text((tmp_path / "plain.csv").read_text().replace(",", ", "))

    assert shards.shard_digests(marked, 8) == plain
    assert shards.shard_digests(blanks, 8) == plain


@pytest.mark.parametrize("number", range(1, 20))
def test_growing_shards_contain_every_scan_once(number):
    names = shards.growing_names(number)
    cohort = pd.DataFrame(registry_rows([f"p{i}" for i in range(300)]))

    parts = [segment.members(cohort, *shards.parse_shard(name)) for name in names]

    assert len(set(names)) == number
    assert sorted(scan for part in parts for scan in part["scan_id"]) == sorted(cohort["scan_id"])


@pytest.mark.parametrize("number", range(1, 70))
def test_an_additional_shard_splits_one_shard_and_keeps_the_others(number):
    before, after = set(shards.growing_names(number)), set(shards.growing_names(number + 1))

    assert len(before - after) == 1
    assert len(after - before) == 2


@pytest.mark.parametrize("number", [16, 23, 31])
def test_growing_shards_differ_in_size_by_at_most_a_factor_of_two(number):
    names = shards.growing_names(number)
    moduli = sorted({shards.parse_shard(name)[1] for name in names}, reverse=True)
    homes = pd.Series([shards.home_of(f"patient-{patient}", names, moduli) for patient in range(20000)])

    sizes = homes.value_counts() / 20000

    assert len(sizes) == number
    assert sizes.between(0.85 / 32, 1.15 / 16).all()


def test_the_shard_count_follows_from_the_number_of_scans(tmp_path):
    registry = write_registry(tmp_path / "registry.csv", registry_rows([f"p{i}" for i in range(50)]))

    assert list(shards.digests(registry, None, 10)) == shards.growing_names(10)
    assert list(shards.digests(registry, None, 99)) == shards.growing_names(2)
    assert list(shards.digests(registry, 3, 10)) == shards.shard_names(3)
    assert list(shards.digests(tmp_path / "absent.csv", None, 10)) == ["1-of-1"]


def test_a_new_patient_changes_one_growing_shard_and_splits_at_most_one(tmp_path):
    patients = [f"p{i}" for i in range(50)]
    before = shards.digests(write_registry(tmp_path / "a.csv", registry_rows(patients)), None, 10)
    longer = write_registry(tmp_path / "b.csv", registry_rows([*patients, "new"]))

    same_number = shards.digests(longer, None, 11)
    one_more = shards.digests(longer, None, 10)

    assert len(set(same_number.items()) - set(before.items())) == 1
    assert len(one_more) == 11
    assert 2 <= len(set(one_more.items()) - set(before.items())) <= 3


@pytest.mark.parametrize("number", [1, 2, 3, 16, 37])
@pytest.mark.parametrize("cut", [shards.shard_names, shards.growing_names])
def test_bash_expands_a_few_words_to_the_files_of_all_shards(number, cut):
    words = shards.in_braces("a/b", cut(number), ".parquet")

    found = subprocess.run(["bash", "-c", f"echo {words}"], capture_output=True, text=True, check=True).stdout.split()

    assert sorted(found) == sorted(f"a/b/{name}.parquet" for name in cut(number))
    assert len(words.split()) <= 3


def test_the_module_requires_only_the_standard_library():
    heavy = {"pandas", "numpy", "yaml", "matplotlib"}
    code = f"import sys, ctpop.study.shards, ctpop.figures.catalog; print(*sorted({heavy} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(WORKFLOW)}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


@pytest.mark.parametrize("before_header", ["\n", ",,,\n", " , \n\n"])
def test_rows_without_content_before_the_header_do_not_hide_a_new_patient(tmp_path, before_header):
    registry = tmp_path / "registry.csv"
    lines = [f"s{number},p{number},50,male" for number in range(20)]
    registry.write_text(before_header + "\n".join(["scan_id,patient_id,age_years,sex", *lines]) + "\n")
    before = shards.shard_digests(registry, 8)
    registry.write_text(registry.read_text() + "new,p-new,50,male\n")

    changed = {name for name, digest in shards.shard_digests(registry, 8).items() if digest != before[name]}

    assert changed == {shards.shard_names(8)[shards.shard_of("p-new", 8)]}


def test_a_registry_that_is_not_utf8_has_digests_because_the_cohort_stage_reports_the_error(tmp_path):
    registry = tmp_path / "registry.csv"
    registry.write_bytes("scan_id,patient_id\ns1,Müller\n".encode("latin-1"))

    assert set(shards.shard_digests(registry, 2)) == {"1-of-2", "2-of-2"}


# Cache of an earlier call


@pytest.fixture
def noted(tmp_path):
    """Registry whose digests have been cached."""
    path = write_registry(tmp_path / "registry.csv", registry_rows([f"p{number}" for number in range(30)]))
    shards.kept_digests(tmp_path / "notes", path, None, 8)
    return path


def unread(monkeypatch):
    """Raise an error if the rows of a registry are read."""

    def refuse(*_):
        raise AssertionError("the registry was read")

    monkeypatch.setattr(shards, "rows_in", refuse)


def test_digests_of_an_unchanged_registry_are_cached_in_the_same_order(noted, monkeypatch):
    expected = shards.digests(noted, None, 8)
    unread(monkeypatch)

    found = shards.kept_digests(noted.parent / "notes", noted, None, 8)

    assert list(found.items()) == list(expected.items())
    assert len(found) == 8


@pytest.mark.parametrize(
    "arguments",
    [(None, 9), (4, 8), (None, 8, Reading(missing=frozenset({"p1"}))), (None, 8, Reading(separator=";"))],
)
def test_the_cache_is_not_used_for_other_settings(noted, arguments):
    expected = shards.digests(noted, *arguments)

    assert shards.kept_digests(noted.parent / "notes", noted, *arguments) == expected
    assert shards.kept_digests(noted.parent / "notes", noted, None, 8) == shards.digests(noted, None, 8)


def test_a_changed_cell_is_detected_even_if_size_and_time_are_unchanged(noted):
    before, time = shards.digests(noted, None, 8), noted.stat().st_mtime_ns
    noted.write_text(noted.read_text().replace("p7-0,p7,50", "p7-0,p7,51"))
    os.utime(noted, ns=(time, time))

    found = shards.kept_digests(noted.parent / "notes", noted, None, 8)

    assert found == shards.digests(noted, None, 8)
    assert len(changed(before, found)) == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"key": 1}', "no json", "\xff"])
def test_a_damaged_cache_is_written_again(noted, content):
    note = noted.parent / "notes" / "registry.json"
    whole = note.read_bytes()
    note.write_bytes(content.encode("latin-1"))

    assert shards.kept_digests(noted.parent / "notes", noted, None, 8) == shards.digests(noted, None, 8)
    assert note.read_bytes() == whole
    assert [path.name for path in note.parent.iterdir()] == ["registry.json"]


def test_digests_are_computed_if_the_cache_cannot_be_written(noted):
    (noted.parent / "file").write_text("")

    assert shards.kept_digests(noted.parent / "file", noted, None, 8) == shards.digests(noted, None, 8)


def test_digests_of_a_missing_registry_are_not_cached(tmp_path):
    assert shards.kept_digests(tmp_path / "notes", tmp_path / "registry.csv", 2, 8) == {
        "1-of-2": "no registry",
        "2-of-2": "no registry",
    }
    assert not (tmp_path / "notes").exists()
