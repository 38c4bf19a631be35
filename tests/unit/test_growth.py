"""Tests of a growing cohort: existing rows and shards do not change, and removed scans disappear."""

import random

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.stages.segment import command as segment
from ctpop.study import criteria, shards
from ctpop.study.registry import included, read_registry
from support.config_files import config_option

HEADER = "scan_id,patient_id,age_years,sex,complete,contrast"
ONE_EACH = {"name": "one", "sentence": "Another scan of the patient", "one_per_patient": "first"}
CRITERIA = ["age_known", "complete", "contrast_enhanced", ONE_EACH]
SHARDS = 8


def sex_of(patient):
    return random.Random(f"sex of {patient}").choice(["female", "male"])


def rows_of(patients, first=0):
    found = []
    for number in range(first, first + patients):
        draw = random.Random(number)  # one stream per patient
        for scan in range(draw.randint(1, 3)):
            words = [draw.choice(["true", "true", "true", "false", ""]) for _ in range(2)]
            age = draw.choice(["", *map(str, range(20, 90))])
            found.append(",".join([f"s{number}-{scan}", f"p{number}", age, sex_of(f"p{number}"), *words]))
    return found


def written(folder, rows):
    folder.mkdir(exist_ok=True)
    path = folder / "registry.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def tables_of(folder, rows):
    """Return the tables of the cohort stage, by scan."""
    path = written(folder, rows)
    names = ("cohort", "exclusions", "flow", "overlap")
    files = [word for name in names for word in (f"--{name}", str(folder / f"{name}.parquet"))]
    settings = config_option(cohort={"criteria": CRITERIA})
    assert main(["cohort", "--registry", str(path), "--start-from", "measures", *settings, *files]) == 0
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}


def members_of(folder, rows):
    """Return the scans that the image stages process in each shard."""
    cohort = included(read_registry(written(folder, rows)), criteria.read(CRITERIA))
    return [segment.members(cohort, shard, SHARDS)["scan_id"].to_list() for shard in range(SHARDS)]


@pytest.mark.parametrize("place", ["end", "start", "shuffled"])
def test_new_patients_change_no_row_and_no_shard_of_existing_patients(tmp_path, place):
    old, new = rows_of(60), rows_of(5, first=1000)
    grown = {
        "end": [*old, *new],
        "start": [*new, *old],
        "shuffled": random.Random(1).sample([*old, *new], len(old + new)),
    }
    known = {row.split(",")[0] for row in old}

    before, after = tables_of(tmp_path / "before", old), tables_of(tmp_path / "after", grown[place])

    for name in ("cohort", "exclusions"):
        kept = after[name][after[name]["scan_id"].isin(known)].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, before[name])
    shards_before, shards_after = members_of(tmp_path / "b", old), members_of(tmp_path / "a", grown[place])
    assert [[scan for scan in part if scan in known] for part in shards_after] == shards_before
    assert sum(map(len, shards_after)) > sum(map(len, shards_before))


def test_a_new_scan_of_a_patient_changes_rows_of_that_patient_only(tmp_path):
    old = rows_of(60)
    changed_patient = old[10].split(",")[1]
    # this scan is the first by age, so the criterion keeps it
    earlier = f"earlier,{changed_patient},19,{sex_of(changed_patient)},true,true"

    before, after = (tables_of(tmp_path / name, rows) for name, rows in (("b", old), ("a", [*old, earlier])))

    def others(tables, name):
        patient_of = {row.split(",")[0]: row.split(",")[1] for row in [*old, earlier]}
        table = tables[name]
        return table[table["scan_id"].map(patient_of).ne(changed_patient)].reset_index(drop=True)

    for name in ("cohort", "exclusions"):
        pd.testing.assert_frame_equal(others(after, name), others(before, name))
    assert "earlier" in set(after["cohort"]["scan_id"])
    digests = [
        shards.shard_digests(written(tmp_path / name, rows), SHARDS)
        for name, rows in (("b", old), ("a", [*old, earlier]))
    ]
    changed = [name for name in digests[0] if digests[0][name] != digests[1][name]]
    assert changed == [shards.shard_names(SHARDS)[shards.shard_of(changed_patient, SHARDS)]]


def test_a_removed_scan_is_in_no_table_and_no_shard_and_the_flow_still_adds_up(tmp_path):
    old = rows_of(60)
    before = tables_of(tmp_path / "before", old)
    gone = before["cohort"]["scan_id"].iloc[5]

    after = tables_of(tmp_path / "after", [row for row in old if not row.startswith(f"{gone},")])

    assert gone not in set(after["cohort"]["scan_id"]) | set(after["exclusions"]["scan_id"])
    assert not any(
        gone in part for part in members_of(tmp_path / "m", [row for row in old if not row.startswith(f"{gone},")])
    )
    assert after["flow"]["n_before"].iloc[0] == len(old) - 1
    assert after["flow"]["n_removed"].sum() + len(after["cohort"]) == len(old) - 1
