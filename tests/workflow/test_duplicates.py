"""Tests of duplicates: a scan with several ids is used once, for any number of shards."""

import gzip

import numpy as np
import pandas as pd
import pytest

from support.studies import Study
from support.volumes import hu, label_set, labels, save, save_turned

ORGANS = label_set("spleen", "kidney_left", "liver")
TABLES = ("measures", "verdicts", "structure_flow", "failures", "analysis")


def write(folder):
    """Write five scans with CT, three of them duplicates, and two scans without CT, one of them a duplicate."""
    ORGANS.table.to_csv(folder / "organs.csv", index=False)
    save(folder / "a.nii.gz", hu(seed=1))
    save(folder / "b.nii", hu(seed=2))
    (folder / "c.nii").write_bytes(gzip.decompress((folder / "a.nii.gz").read_bytes()))
    save_turned(folder / "d.nii.gz", hu(seed=1).astype(np.float32), "LPI")
    save(folder / "labels.nii.gz", labels())
    save(folder / "labels_f.nii.gz", labels(seed=5))
    save(folder / "labels_g.nii", labels(seed=5))
    cts = {"a": "a.nii.gz", "b": "b.nii", "c": "c.nii", "d": "d.nii.gz", "e": "a.nii.gz", "f": None, "g": None}
    maps = dict.fromkeys("abcde", "labels.nii.gz") | {"f": "labels_f.nii.gz", "g": "labels_g.nii"}
    registry = pd.DataFrame({"scan_id": list(cts), "ct_path": cts.values(), "segmentation_path": maps.values()})
    registry.assign(patient_id=registry["scan_id"], age_years=range(40, 47), sex="female").to_csv(
        folder / "registry.csv", index=False
    )


def tables_of(folder, shards):
    described = {"name": f"by_{shards}", "start_from": "segmentations", "registry": str(folder / "registry.csv")}
    sections = {"structures": str(folder / "organs.csv"), "segment": {"shards": shards}, "cohort": {"criteria": []}}
    sections |= {"screen": {"rules": "none"}}
    study = Study(folder, {"study": described, **sections})
    study.run(*(f"results/by_{shards}/tables/{name}.parquet" for name in TABLES))
    return study


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("duplicates")
    write(folder)
    return [tables_of(folder, shards) for shards in (1, 3)]


def test_duplicates_are_excluded_and_their_values_are_kept(studies):
    measures, verdicts, flow, failures, analysis = (
        pd.read_parquet(studies[0].results / "tables" / f"{name}.parquet") for name in TABLES
    )

    copies = ["c", "d", "e", "g"]
    assert sorted(measures.loc[measures["status"].eq("duplicate_images"), "scan_id"].unique()) == copies
    assert measures["volume_ml"].notna().all()
    assert sorted(verdicts.loc[verdicts["reason"].eq("duplicate_images"), "scan_id"].unique()) == copies
    assert sorted(analysis["scan_id"].unique()) == ["a", "b", "f"]
    removed = flow[flow["reason"].eq("duplicate_images") & flow["measure"].eq("volume_ml")]
    assert removed["n_removed"].to_list() == [len(copies)] * 3
    assert failures["n_duplicate_images"].to_list() == [len(copies)] * 3


def test_the_number_of_shards_has_no_influence(studies):
    one, three = (study.files("tables") for study in studies)

    assert {name: one[name] for name in one} == {name: three[name] for name in one}
    log = next((studies[1].results / "logs").rglob("*gather_measures*")).read_text()
    assert "scans excluded because another scan has the same images (duplicate_images): 4" in log
