"""Tests of the commands `status` and `plan` with the store, the tables, and the logs of real jobs."""

import os
import re
import time
from contextlib import suppress

import pandas as pd
import pytest
import yaml

from ctpop.cli import main
from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import ContractError
from ctpop.imaging.job_ledger import BEGUN, FAILED, FINISHED, Ledger, beside, read, spent
from ctpop.stages.operate import configured_study as studies
from ctpop.stages.operate import rates, segmentation_progress
from ctpop.study.shards import home_of, parse_shard


def shards(study):
    return {shard.name: shard for shard in segmentation_progress.progress(study)}


def shard_with(study, scan):
    return study.cohort.set_index("scan_id")["shard"][scan]


def touch_log(study, name, silent_s):
    """Write the log of a job whose last output was `silent_s` seconds ago."""
    path = study.results / "logs" / "segment" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - silent_s,) * 2)


def write_ledger(study, name, *lines, ago_s=600.0):
    """Write the ledger of a shard from lines (job, event or status, scan, seconds since job start, reused)."""
    path = beside(study.results / "benchmarks" / "segment" / f"{name}_scans.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    at = time.time() - ago_s
    path.write_text(
        "".join(
            f"{job},{at + seconds},{event},{scan},{seconds},{int(reused) if scan else ''},\n"
            for job, event, scan, seconds, reused in lines
        )
    )


def test_all_shards_wait_before_the_run_starts(study):
    found = shards(study)

    assert set(found) == set(study.shards)
    assert {shard.state for shard in found.values()} == {"waiting"}
    assert sum(shard.left for shard in found.values()) == 12  # the scan with unknown age is excluded


def test_every_scan_of_the_cohort_has_the_same_shard_as_in_the_workflow(study):
    moduli = sorted({parse_shard(name)[1] for name in study.shards}, reverse=True)

    assert len(study.shards) == 4
    assert study.cohort["shard"].to_list() == [home_of(scan, study.shards, moduli) for scan in study.cohort["scan_id"]]


def test_a_finished_shard_has_the_outcome_and_time_of_its_scans(study, segment):
    name = shard_with(study, "s03")
    segment(name, seconds=30.0)

    found = shards(study)[name]

    size = int((study.cohort["shard"] == name).sum())
    assert (found.state, found.left, dict(found.failed)) == ("finished", 0, {"missing_file": 1})
    assert (found.done, found.fresh, found.seconds) == (size - 1, size, 30.0)
    assert [shard.state for shard in shards(study).values()].count("waiting") == 3


def test_the_progress_of_a_running_shard_is_read_from_the_store_and_its_ledger(study):
    name = study.cohort["shard"].value_counts().index[0]
    scans = study.cohort.loc[study.cohort["shard"] == name, "scan_id"].to_list()
    study.store.folder.mkdir(parents=True)
    study.store.note_path(scans[1]).write_text("{}")
    begun, scan = ("job", BEGUN, "", 0.0, False), ("job", "existing", scans[1], 40.0, False)
    write_ledger(study, name, begun, scan, ("job", "unreadable", scans[0], 50.0, False), ago_s=120)

    found = shards(study)[name]

    assert (found.state, found.done, dict(found.failed)) == ("running", 1, {"unreadable": 1})
    assert found.left == len(scans) - 2
    assert found.fresh == 2
    assert 118 <= found.seconds <= 130


def test_a_scan_segmented_by_a_later_job_has_not_failed(study):
    name = shard_with(study, "s00")
    write_ledger(study, name, ("one", "not_read", "s00", 1.0, False), ("two", "existing", "s00", 1.0, False))

    assert not shards(study)[name].failed


@pytest.mark.parametrize(("silent_s", "state"), [(60, "running"), (7200, "silent")])
def test_a_job_without_recent_output_is_silent(study, silent_s, state):
    write_ledger(study, study.shards[0], ("job", BEGUN, "", 0.0, False), ago_s=8000)
    touch_log(study, study.shards[0], silent_s)

    assert shards(study)[study.shards[0]].state == state


def test_the_last_job_determines_the_state_of_a_shard(study):
    begun, failed = ("job", BEGUN, "", 0.0, False), ("job", FAILED, "", 9.0, False)
    write_ledger(study, study.shards[0], begun, failed)
    write_ledger(study, study.shards[1], begun, failed, ("next", BEGUN, "", 0.0, False))

    assert shards(study)[study.shards[0]].state == "failed"
    assert shards(study)[study.shards[1]].state == "running"


@pytest.mark.parametrize(("error", "event"), [(None, FINISHED), (ContractError("6 of 8 scans failed"), FAILED)])
def test_the_ledger_records_how_a_job_ended(tmp_path, error, event):
    path = tmp_path / "benchmarks" / "jobs.csv"

    with suppress(ContractError), Ledger(path) as ledger:
        ledger.add("segmented", {"scan_id": "a", "reused": False, "gpu_mb": 512})
        if error:
            raise error

    lines = read(path)
    assert [line.event for line in lines] == [BEGUN, "segmented", event]
    assert (lines[1].scan_id, lines[1].reused, lines[1].gpu_mb) == ("a", False, 512.0)
    assert len({line.job for line in lines}) == 1


def test_the_time_of_interrupted_jobs_is_counted(study, segment):
    name = shard_with(study, "s00")
    write_ledger(
        study,
        name,
        *(("first", "existing", "x", 100.0, False), ("first", "existing", "y", 200.0, False)),
        *(("second", "existing", "x", 50.0, True), ("second", FAILED, "", 50.0, False)),
    )

    before = shards(study)[name]
    segment(name, seconds=30.0)
    after = shards(study)[name]

    assert (before.seconds, before.fresh) == (250.0, 2)
    assert after.seconds == pytest.approx(250, abs=20)  # plus the time of the job itself
    assert after.fresh == 2 + int((study.cohort["shard"] == name).sum())


def test_an_incomplete_line_of_the_ledger_is_ignored(study):
    write_ledger(study, study.shards[0], ("first", "existing", "x", 100.0, False))
    path = beside(study.results / "benchmarks" / "segment" / f"{study.shards[0]}_scans.csv")
    path.write_text(path.read_text() + "second,1.7e9,existing,y,2")

    assert spent(read(path)).seconds == 100


def test_a_job_continues_if_the_ledger_cannot_be_written_to_a_full_disk(tmp_path):
    (tmp_path / "jobs.csv").symlink_to("/dev/full")

    Ledger(tmp_path / "jobs.csv").add("segmented", {"scan_id": "x", "reused": False, "gpu_mb": None})


def test_a_scan_added_after_its_shard_was_finished_is_waiting(study, segment, tmp_path):
    segment(shard_with(study, "s00"))
    registry = tmp_path / "registry.csv"
    registry.write_text(registry.read_text() + "late,s00,60,x.nii.gz,x.nii.gz\n")
    grown = studies.read(tmp_path / "study.yaml")

    found = shards(grown)[shard_with(grown, "late")]

    assert found.state == "waiting"
    assert found.left == 1


def test_the_command_reports_counts_elapsed_hours_and_remaining_hours(study, segment, capsys):
    for name in study.shards[:2]:
        segment(name, seconds=1800.0)
    done = int(study.cohort["shard"].isin(study.shards[:2]).sum())

    assert main(["status", "study.yaml"]) == 0

    lines = capsys.readouterr().out.splitlines()
    failed = int(shard_with(study, "s03") in study.shards[:2])
    reason = " (1 missing_file)" if failed else ""
    assert lines[0] == "study small: 12 scans in the cohort, 4 shards"
    assert lines[1] == (
        f"scans   {done - failed} finished, {failed} failed{reason}, 0 remaining in running jobs,"
        f" {12 - done} in waiting jobs"
    )
    if failed:
        assert lines.pop(2) == "  s03: missing_file: segmentation_path does not exist"
    assert lines[2] == "shards  2 finished, 2 waiting"
    each = 3600 / done
    assert lines[3] == (
        f"time    1.00 job hours (no GPU) elapsed; {each:.1f} s per scan;"
        f" {each * (12 - done) / 3600:.2f} h remaining with 1 parallel job"
    )
    assert lines[4] == "results 0 shards measured; tables: none; report: none"


def measures_of(study, failed):
    """Return measures of all scans of the cohort; `failed` maps scans to a status and a detail."""
    rows = [
        {"scan_id": scan, "structure": name, "status": failed.get(scan, ("measured", None))[0]}
        | {"detail": failed.get(scan, ("measured", None))[1], "n_voxels": None if scan in failed else 5}
        for scan in study.cohort["scan_id"]
        for name in ("spleen", "liver", "kidney_left")
    ]
    rows[-1]["status"] = "not_in_model"  # the scan has other measurements
    return pd.DataFrame(rows).reindex(columns=list(MEASURES_TABLE.columns))


@pytest.mark.parametrize("whole", [True, False])
def test_unmeasured_scans_are_listed_with_status_and_detail(study, capsys, whole):
    folder = study.results / ("tables" if whole else "shards/measures")
    folder.mkdir(parents=True)
    failed = {"s00": ("not_hu", "the values have an offset from HU"), "s05": ("not_in_table", None)}
    MEASURES_TABLE.write(measures_of(study, failed), folder / ("measures.parquet" if whole else "1-of-1.parquet"))

    assert main(["status", "study.yaml"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[2:5] == [
        "not measured: 2 scans (1 not_hu, 1 not_in_table)",
        "  s00: not_hu: the values have an offset from HU",
        "  s05: not_in_table",
    ]
    assert lines[5].startswith("shards  ")


def test_the_list_of_failed_scans_is_limited(study, capsys):
    (study.results / "tables").mkdir(parents=True)
    failed = dict.fromkeys(study.cohort["scan_id"], ("unreadable", "the statistics file is empty"))
    frame = measures_of(study, failed).assign(status="unreadable")
    MEASURES_TABLE.write(frame, study.results / "tables" / "measures.parquet")

    assert main(["status", "study.yaml"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "not measured: 12 scans (12 unreadable)"
    assert lines[12:14] == [
        "  s09: unreadable: the statistics file is empty",
        "  and 2 more; the table measures lists all",
    ]


def test_a_missing_study_file_is_reported(study, capsys):
    assert main(["status", "absent.yaml"]) == 1
    assert "absent.yaml: the study file cannot be read (No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "invalid YAML"), ("- 1", "found a list"), ("x: 1", "requires the section study")],
)
def test_a_file_that_is_not_a_study_is_reported(study, tmp_path, capsys, text, message):
    (tmp_path / "other.yaml").write_text(text)

    assert main(["status", "other.yaml"]) == 1
    assert message in capsys.readouterr().err


# Rates and plans


def test_rates_are_based_on_jobs_that_produced_label_maps(study, segment):
    for name in study.shards:
        segment(name, seconds=60.0)

    found = rates.measured(study)

    with_scans = study.cohort["shard"].nunique()
    assert found.segment_s == pytest.approx(with_scans * 60 / 12)
    assert found.segment_mb == 200
    assert found.mask_mb == pytest.approx(rates.mean_mb(study.store.folder))
    assert found.mask_mb > 0
    assert found.measure_s == rates.shipped().measure_s
    assert found.sources["segment_s"] == "measured in results/small: 12 scans"
    assert found.sources["measure_s"] == rates.shipped().sources["measure_s"]


def test_jobs_without_newly_processed_scans_do_not_affect_rates(study, segment):
    for _ in range(2):
        for name in study.shards:
            segment(name, seconds=60.0)
    failing = shard_with(study, "s03")

    found = rates.jobs(study.results / "benchmarks" / "segment")

    assert found["fresh"].to_dict() == {**dict.fromkeys(study.shards, 0), failing: 1}  # a failed scan is repeated


def test_a_plan_multiplies_rates(capsys):
    assert main(["plan", "--scans", "6400", "--scans-per-shard", "64", "--gpus", "5"]) == 0

    output = capsys.readouterr().out
    known = rates.shipped()
    hours = (6400 * known.segment_s + 100 * known.start_s) / 3600
    assert "6,400 scans in 100 shards (average: 64 scans per shard)" in output
    assert f"GPU hours  {hours:,.1f} ({hours / 6.4:.1f} per 1000 scans)" in output
    assert f"time       {hours / 5:.1f} hours with 5 GPUs in parallel" in output
    assert all(f"  {name} = " in output for name in known.sources)


def test_a_plan_lists_every_stage_with_several_jobs_and_the_amount_of_data_read(capsys):
    assert main(["plan", "--scans", "6400", "--scans-per-shard", "64"]) == 0

    output = capsys.readouterr().out
    known = rates.shipped()
    for stage, seconds in {"segment": known.segment_s, "measure": known.measure_s, "review": known.review_s}.items():
        hours = (6400 * seconds + 100 * known.start_s) / 3600
        assert re.search(rf"^{stage} +100 +{hours / 100:.2f} +{hours:,.1f} ", output, re.MULTILINE), stage
    assert f"reading    {3 * 6400 * known.ct_mb / 1e6:.2f} TB" in output


def test_a_plan_uses_days_for_long_durations_and_one_gpu_per_job(capsys):
    assert main(["plan", "--scans", "640", "--scans-per-shard", "320", "--gpus", "8"]) == 0
    few_jobs = capsys.readouterr().out
    assert main(["plan", "--scans", "64000", "--scans-per-shard", "320", "--gpus", "2"]) == 0
    many_hours = capsys.readouterr().out

    known = rates.shipped()
    job = (320 * known.segment_s + known.start_s) / 3600
    assert f"time       {job:.1f} hours with 8 GPUs" in few_jobs
    assert f"time       {100 * job / 24:.1f} days with 2 GPUs" in many_hours


def test_a_plan_uses_the_rates_of_a_pilot(study, segment, capsys):
    for name in study.shards:
        segment(name, seconds=60.0)

    assert main(["plan", "--scans", "1000", "--pilot", "study.yaml"]) == 0

    each = study.cohort["shard"].nunique() * 60 / 12
    output = capsys.readouterr().out
    assert f"segment_s = {each:g}: measured in results/small: 12 scans" in output
    assert "per 1000 scans; without a GPU, as in the pilot" in output
    assert "GPU hours" not in output


@pytest.mark.parametrize("option", ["--scans", "--gpus", "--scans-per-shard"])
def test_options_below_1_are_rejected(option, capsys):
    assert main(["plan", "--scans", "5", option, "0"]) == 1
    assert "must be at least 1" in capsys.readouterr().err


def test_a_pilot_that_has_not_been_run_is_reported(study, capsys):
    assert main(["plan", "--scans", "5", "--pilot", "study.yaml"]) == 1
    assert "specify a study that has been run" in capsys.readouterr().err


def test_the_status_of_a_study_with_a_single_table_requires_no_registry(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    study = {"name": "one", "start_from": "measures", "measures": "measures.csv"}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({"study": study, "structures": "demo"}))

    assert main(["status", "study.yaml"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "study one: the starting point is a table of measures; no segmentation is required",
        "results 0 shards measured; tables: none; report: none",
    ]


def test_a_damaged_table_is_reported_with_its_name(study, segment, capsys):
    name = study.shards[0]
    segment(name)
    path = study.results / "shards" / "segments" / f"{name}.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])

    assert main(["status", "study.yaml"]) == 1

    assert f"{path}: the file is damaged or not a Parquet file" in capsys.readouterr().err
