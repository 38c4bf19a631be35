"""Tests of the command `runtime` with the benchmarks of synthetic jobs and of real jobs."""

import re

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.efficiency import RUNTIME, SCAN_SECONDS
from ctpop.imaging.job_ledger import Spent
from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.stages.operate import benchmarks, runtime
from support.config_files import config_option
from support.volumes import labels, save

HEAD = "s\th:m:s\tmax_rss\tcpu_time\n"
SLICE = 512 * 512
STUDY = {"name": "made_up", "start_from": "measures", "measures": "m.csv", "banner": "synthetic <b>"}


def write_job(folder, name, seconds, memory="100.0", processor="1.0"):
    path = folder / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}{seconds}\t0:00:00\t{memory}\t{processor}\n")


def write_scans(folder, shard, *rows):
    path = folder / "segment" / f"{shard}_scans.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["scan_id,read_seconds,predict_seconds,write_seconds,gpu_mb,reused", *rows]) + "\n")


def write_ledger(folder, shard, *lines):
    """Write the ledger of a shard from lines `job,scan,seconds since the start of the job,reused,GPU memory`."""
    whole = (line.split(",") for line in lines)
    text = [f"{job},1.7e9,segmented,{','.join(rest)}\n" if len(rest) == 4 else f"{job}," for job, *rest in whole]
    (folder / "segment" / f"{shard}_jobs.csv").write_text("".join(text))


@pytest.fixture
def folder(tmp_path):
    """Two shards of a study with a GPU: three segmented scans, one reused scan, and one failed scan."""
    write_job(tmp_path, "segment/1-of-2", 100, "3000", "150")
    write_job(tmp_path, "segment/2-of-2", 30, "5000", "50")
    write_job(tmp_path, "report", 7, "-", "NA")
    write_scans(tmp_path, "1-of-2", "a,1,5,2,6000,False", "b,3,10,4,8000,False", "c,0.5,,,8000,True")
    write_scans(tmp_path, "2-of-2", "d,1,2,1,500,False", "e,1,,,500,False")
    write_ledger(tmp_path, "1-of-2", "n1-7,a,32.0,0,6000", "n1-7,b,95.0,0,8000", "n1-7,c,96.0,1,8000")
    write_ledger(tmp_path, "2-of-2", "n2-8,e,2.0,0,500", "n2-8,d,30.0,0,500", "n2-8,cut")
    return tmp_path


def tables(folder, voxels=()):
    jobs = benchmarks.recorded(folder)
    found = benchmarks.once(benchmarks.of_scans(folder / "segment"))
    counted = pd.Series(dict(voxels), dtype="Int64")
    scans = runtime.scan_seconds(found, counted, benchmarks.of_ledgers(folder / "segment"))
    on_gpu = jobs["stage"].eq("segment") & jobs["job"].isin(scans.loc[scans["gpu_mb"].notna(), "job"])
    return runtime.runtime(jobs, on_gpu).set_index("stage"), scans.set_index("scan_id")


def test_scans_are_assigned_to_the_nearest_published_size():
    slices = pd.Series([280, 458, 824, 1, 368, 369, 640, 641, 5000]) * SLICE

    found = runtime.size_of(slices.astype("Int64"))

    assert found.to_list() == ["small", "medium", "large", "small", "small", "medium", "medium", "large", "large"]


def test_a_scan_of_unknown_size_has_no_size_category():
    assert runtime.size_of(pd.Series([pd.NA, SLICE], dtype="Int64")).isna().to_list() == [True, False]


def test_the_jobs_of_a_stage_are_summed_and_the_largest_memory_is_kept(folder):
    stages, _ = tables(folder)

    assert list(stages.loc["segment"]) == [2, 130.0, 100.0, 200.0, 5000.0, 130.0]
    assert list(stages.loc["report"][["jobs", "seconds", "longest_seconds"]]) == [1, 7.0, 7.0]


def test_values_not_recorded_by_snakemake_are_missing_and_not_zero(folder):
    stages, _ = tables(folder)

    assert stages.loc["report", ["cpu_seconds", "peak_mb", "gpu_seconds"]].isna().all()


def test_jobs_without_a_gpu_have_no_gpu_time(tmp_path):
    write_job(tmp_path, "segment/1-of-1", 100)
    write_scans(tmp_path, "1-of-1", "a,1,5,2,,False")

    stages, scans = tables(tmp_path)

    assert np.isnan(stages.loc["segment", "gpu_seconds"])
    assert np.isnan(runtime.by_size(scans.reset_index())[-1]["gpu_hours_of_1000"])


def test_the_time_of_a_scan_starts_at_the_end_of_the_previous_scan(folder):
    _, scans = tables(folder)

    assert scans["seconds"].dropna().to_dict() == {"a": 8.0, "b": 17.0, "d": 4.0}
    assert scans["job_seconds"].dropna().to_dict() == {"a": 32.0, "b": 63.0, "d": 28.0}


def test_the_time_of_an_interrupted_job_is_read_from_its_ledger(folder):
    write_ledger(
        folder, "1-of-2", "n1-5,c,40.0,0,7000", "n1-7,a,32.0,0,6000", "n1-7,b,95.0,0,8000", "n1-7,c,96.0,1,8000"
    )

    _, scans = tables(folder)

    assert scans.loc["c", ["reused", "job_seconds", "gpu_mb"]].to_list() == [False, 40.0, 7000.0]
    assert np.isnan(scans.loc["c", "seconds"])
    assert runtime.counts_of(scans) == {"all": 5, "made": 4, "reused": 0, "failed": 1}


def test_every_scan_is_segmented_reused_or_failed(folder):
    _, scans = tables(folder)

    assert runtime.counts_of(scans) == {"all": 5, "made": 3, "reused": 1, "failed": 1}


def test_a_scan_in_jobs_with_different_shard_counts_is_assigned_to_the_job_that_segmented_it(folder):
    write_scans(folder, "1-of-1", "a,9,,,,True", "c,1,1,1,,False")

    _, scans = tables(folder)

    assert scans.loc["a", ["job", "reused", "seconds"]].to_list() == ["1-of-2", False, 8.0]
    assert scans.loc["c", ["job", "reused", "seconds"]].to_list() == ["1-of-1", False, 3.0]


def test_gpu_hours_per_thousand_scans_are_based_on_job_times(folder):
    _, scans = tables(folder, {"a": 280 * SLICE, "b": 824 * SLICE, "d": 280 * SLICE})

    rows = {row["size"]: row for row in runtime.by_size(scans.reset_index())}

    assert {size: row["n"] for size, row in rows.items()} == {"small": 2, "medium": 0, "large": 1, "all": 3}
    assert rows["small"]["gpu_hours_of_1000"] == pytest.approx((32 + 28) / 2 * 1000 / 3600)
    assert rows["large"]["gpu_hours_of_1000"] == pytest.approx(63 * 1000 / 3600)
    assert rows["all"]["gpu_hours_of_1000"] == pytest.approx(123 / 3 * 1000 / 3600)
    assert (rows["small"]["seconds"], rows["small"]["gpu_mb"]) == (6.0, 6000.0)
    assert np.isnan(rows["medium"]["seconds"])


def test_the_time_of_interrupted_jobs_is_added_to_segmentation_only(folder):
    jobs = benchmarks.recorded(folder)
    spent = {"1-of-2": Spent(250.0, 3, True), "2-of-2": Spent(29.0, 2, True), "report": Spent(99.0, 0, False)}

    after = runtime.with_repeated(jobs, spent)

    assert after.set_index("job")["s"].to_dict() == {"1-of-2": 250.0, "2-of-2": 30.0, "report": 7.0}


def test_sizes_are_read_from_the_headers_of_label_maps(tmp_path):
    store = LabelMapStore(tmp_path / "masks")
    save(store.mask_path("a"), labels(seed=1))

    found = runtime.voxels_of(["a", "gone"], store)

    assert found.to_dict() == {"a": int(np.prod(labels(seed=1).shape))}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(float("nan"), "–"), (0.04, "0.0 s"), (59, "59 s"), (90, "1.5 min"), (3600, "1.0 h"), (4.5e6, "1,250.0 h")],
)
def test_a_duration_is_printed_in_a_suitable_unit(seconds, words):
    assert runtime.lasting(seconds) == words


def write(folder, *options, study=STUDY):
    files = ["--benchmarks", str(folder), "--out", str(folder)]
    assert main(["runtime", *files, *config_option(study=study), *options]) == 0
    return (folder / "runtime.html").read_text()


def test_the_page_is_offline_and_escaped_and_has_a_banner(folder):
    page = write(folder)

    assert '<p class="banner" role="note">synthetic &lt;b&gt;</p>' in page
    assert "<b>" not in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
    assert 'href="../report/index.html"' in page
    assert "Scans: 5 in total; 3 with a label map from a recorded job, 1 with an existing label map" in page


def test_a_study_without_a_banner_has_a_page_without_one(folder):
    assert '<p class="banner"' not in write(folder, study={key: text for key, text in STUDY.items() if key != "banner"})


def test_equal_records_give_equal_bytes(folder):
    first = [write(folder), *(path.read_bytes() for path in sorted(folder.glob("*.csv")))]
    second = [write(folder), *(path.read_bytes() for path in sorted(folder.glob("*.csv")))]

    assert first == second
    assert RUNTIME.read_csv(folder / "runtime.csv")["jobs"].sum() == 3
    assert len(SCAN_SECONDS.read_csv(folder / "scan_seconds.csv")) == 5


def test_a_study_that_starts_from_measures_has_no_scans(tmp_path):
    write_job(tmp_path, "report", 7)

    page = write(tmp_path)

    assert "No job produced a label map" in page
    assert len(SCAN_SECONDS.read_csv(tmp_path / "scan_seconds.csv")) == 0


def test_the_records_of_real_jobs_are_read(study, segment):
    for name in study.shards:
        segment(name, seconds=30.0)
    results = study.results

    page = write(results / "benchmarks", "--masks", str(study.store.folder))

    scans = SCAN_SECONDS.read_csv(results / "benchmarks" / "scan_seconds.csv")
    assert len(scans) == 12
    assert scans["size"].dropna().unique().tolist() == ["small"]
    assert scans["size"].isna().sum() == 1  # the scan without a label map
    assert scans["job_seconds"].notna().sum() == 11
    assert "No model was run" in page


def test_a_configuration_that_is_not_yaml_is_an_error(tmp_path, capsys):
    (tmp_path / "study.yaml").write_text("study: {")
    command = ["runtime", "--benchmarks", str(tmp_path), "--config", str(tmp_path / "study.yaml")]

    assert main([*command, "--out", str(tmp_path)]) == 1
    assert "study.yaml: line 1, at the end of the file: invalid YAML: " in capsys.readouterr().err
