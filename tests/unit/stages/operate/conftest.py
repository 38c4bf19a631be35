"""Fixtures of a small study of existing label maps whose shards are segmented one by one."""

import pytest
import yaml

from ctpop.cli import main
from ctpop.stages.operate import configured_study as studies
from support.config_files import config_file
from support.volumes import hu, label_set, labels, save

SCANS = 12
ORGANS = label_set("spleen", "liver", "kidney_left")
MISSING = "s03"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Twelve scans in about four shards; the label map of one scan is missing."""
    monkeypatch.chdir(tmp_path)
    names = [f"s{number:02d}" for number in range(SCANS)]
    for seed, name in enumerate(names):
        save(tmp_path / f"{name}_ct.nii.gz", hu(seed=seed))
        if name != MISSING:
            save(tmp_path / f"{name}.nii.gz", labels(seed=seed))
    lines = [f"{name},{name},60,{name}_ct.nii.gz,{name}.nii.gz" for name in names]
    header = "scan_id,patient_id,age_years,ct_path,segmentation_path"
    (tmp_path / "registry.csv").write_text("\n".join([header, *lines, "young,young,,x.nii.gz,x.nii.gz"]) + "\n")
    ORGANS.table.to_csv(tmp_path / "structures.csv", index=False)
    config = {
        "study": {"name": "small", "start_from": "segmentations", "registry": "registry.csv"},
        "structures": "structures.csv",
        "cohort": {"criteria": ["age_known"]},
        "segment": {"scans_per_shard": 4},
        "report": {"figure6": [["spleen", "volume_ml"]]},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    return studies.read(tmp_path / "study.yaml")


@pytest.fixture
def segment(study):
    """Return a function that segments a shard like the workflow rule and writes its benchmark."""

    def run(shard, seconds=30.0):
        folder = study.results / "benchmarks" / "segment"
        files = {
            "registry": study.registry,
            "structures": "structures.csv",
            "masks": study.store.folder,
            "times": folder / f"{shard}_scans.csv",
            "out": study.results / "shards" / "segments" / f"{shard}.parquet",
            "shard": shard,
            "engine": "existing",
            "config": config_file(cohort={"criteria": ["age_known"]}),
        }
        assert main(["segment", *[word for name, value in files.items() for word in (f"--{name}", str(value))]]) == 0
        (folder / f"{shard}.tsv").write_text(f"s\tmax_rss\tcpu_time\n{seconds}\t200.0\t10\n")

    return run
