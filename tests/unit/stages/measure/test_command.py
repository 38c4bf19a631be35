"""Tests of `measure`: every scan has a row for every structure, with values or with a reason."""

import logging

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import HISTOGRAMS, MEASURES_TABLE, REGISTRY_COLUMNS, SEGMENTS
from ctpop.foundation.errors import ScanError
from ctpop.imaging.hu_scale import MEANINGS
from ctpop.imaging.images import read_labels
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
from ctpop.stages.measure import command as measure
from ctpop.stages.measure.scan_measures import OF_ATTENUATION
from support.config_files import config_option
from support.volumes import BAD_CTS, affine, damage, flip_byte, hu, label_set, labels, save, save_turned

ORGANS = label_set("spleen", "kidney_left", "liver")


class Study:
    """A cohort with label maps in a store, and the command `measure`."""

    def __init__(self, folder):
        self.folder = folder
        self.store = LabelMapStore(folder / "masks")
        self.organs = ORGANS
        self.rows = []
        self.scans = {}

    def add(self, scan_id, numbers=None, ct=None, known=ORGANS.label_of, shared=None, covered=None, **row):
        """Add a scan with its labels, if it was segmented, and the name of its CT."""
        self.scans[scan_id] = ct
        row = {"scan_id": scan_id, "status": "existing", **row}
        if numbers is not None:
            drawn = read_labels(save(self.folder / "labels.nii.gz", numbers))
            note = self.store.keep(scan_id, drawn, LabelMapNote("key", "", known, shared=shared, covered=covered))
            row |= {"mask_path": f"masks/{scan_id}.nii.gz", "mask_sha256": note.mask_sha256}
        self.rows.append(row)

    def write(self):
        registry = pd.DataFrame({"scan_id": list(self.scans), "ct_path": list(self.scans.values())})
        registry.reindex(columns=list(REGISTRY_COLUMNS)).to_csv(self.folder / "registry.csv", index=False)
        segments = pd.DataFrame(self.rows, columns=list(SEGMENTS.columns)).astype("str")
        SEGMENTS.write(segments, self.folder / "segments.parquet")
        self.organs.table.to_csv(self.folder / "structures.csv", index=False)

    def measure(self, **settings):
        self.write()
        files = {"registry": "registry.csv", "segments": "segments.parquet", "masks": "masks"}
        files |= {"out": "out.parquet", "histograms": "histograms.parquet"}
        options = [word for name, path in files.items() for word in (f"--{name}", str(self.folder / path))]
        where = ["--structures", str(self.folder / "structures.csv")]
        self.code = main(["measure", *options, *where, *config_option(measure=settings)])
        return MEASURES_TABLE.read(self.folder / "out.parquet").set_index(["scan_id", "structure"])


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


def test_every_scan_has_a_row_for_every_structure(study, caplog):
    save(study.folder / "ct.nii.gz", hu())
    study.add("a", labels(), "ct.nii.gz")
    study.add("b", labels(seed=4))
    study.add("c", status="unreadable", detail="cut")

    with caplog.at_level(logging.INFO):
        measures = study.measure()

    assert list(measures.index) == [(scan, name) for scan in "abc" for name in ("kidney_left", "liver", "spleen")]
    assert caplog.messages[-1] == "rows by status: 6 measured, 3 unreadable"


def test_a_scan_is_measured_on_the_grid_of_its_ct(study):
    save_turned(study.folder / "ct.nii.gz", hu(), "LPI")
    study.add("a", labels(), "ct.nii.gz")

    row = study.measure().loc[("a", "kidney_left")]

    assert row["status"] == "measured"
    assert row["n_voxels"] == np.count_nonzero(labels() == 2)
    assert row["hu_mean"] == pytest.approx(hu()[labels() == 2].mean())


def test_a_scan_without_a_label_map_has_a_reason_and_no_values(study):
    study.add("a", status="out_of_memory", detail="too large")

    measures = study.measure()

    assert measures["status"].to_list() == ["out_of_memory"] * 3
    assert measures["detail"].to_list() == ["too large"] * 3
    assert measures.drop(columns=["status", "detail"]).isna().all(axis=None)


def test_a_structure_outside_the_model_is_not_measured(study):
    study.add("a", labels(highest=1), known={"spleen": 1, "liver": 3})

    measures = study.measure().loc["a"]

    assert measures["status"].to_dict() == {"kidney_left": "not_in_model", "liver": "measured", "spleen": "measured"}
    assert measures["n_voxels"].fillna(-1).to_dict() == {
        "kidney_left": -1,
        "liver": 0,
        "spleen": np.count_nonzero(labels(highest=1)),
    }


def test_a_model_without_structures_of_the_study_yields_no_measures(study):
    study.add("a", labels(), known={"heart": 1})

    assert study.measure()["status"].to_list() == ["not_in_model"] * 3


def test_labels_of_the_model_have_priority_over_the_label_set(study):
    study.add("a", labels(highest=9), known={"liver": 9, "spleen": 4, "kidney_left": 7})

    measures = study.measure().loc["a"]

    expected = {
        name: np.count_nonzero(labels(highest=9) == label)
        for name, label in {"liver": 9, "spleen": 4, "kidney_left": 7}.items()
    }
    assert measures["n_voxels"].to_dict() == expected


def test_a_ct_with_a_different_grid_is_rejected(study):
    save(study.folder / "ct.nii.gz", hu(), affine(origin_mm=(-30, -20, 108)))
    study.add("a", labels(), "ct.nii.gz")

    measures = study.measure()

    assert measures["status"].to_list() == ["grid_mismatch"] * 3
    assert measures["detail"].str.startswith("the label map and the CT have different grids: ").all()
    assert measures["n_voxels"].isna().all()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("a gzip file cut at half its length", "unreadable"),
        ("a gantry tilt", "bad_geometry"),
    ],
)
def test_an_unreadable_ct_does_not_affect_other_scans(study, kind, status):
    BAD_CTS[kind].save(study.folder / "SMITH_JOHN.nii.gz")
    study.add("a", labels(), "SMITH_JOHN.nii.gz")
    study.add("b", labels())

    measures = study.measure()

    assert measures.loc["a", "status"].to_list() == [status] * 3
    assert measures.loc["a", "detail"].notna().all()
    assert not measures.loc["a", "detail"].str.contains("SMITH|/").any()
    assert measures.loc["b", "detail"].isna().all()
    assert measures.loc["b", "status"].to_list() == ["measured"] * 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nonfinite_voxels_remove_the_attenuation_of_one_structure(study, value):
    numbers, values = labels(), hu().astype(np.float32)
    whole = tuple(np.argwhere(numbers == 1)[0])
    values[whole] = value
    save(study.folder / "holed.nii.gz", values)
    values[whole] = 0
    save(study.folder / "whole.nii.gz", values)
    study.add("a", numbers, "holed.nii.gz")
    study.add("b", numbers, "whole.nii.gz")

    measures = study.measure().reset_index().set_index("structure")

    holed, whole = (measures[measures["scan_id"].eq(scan)] for scan in ("a", "b"))
    assert holed["status"].to_list() == ["measured"] * 3
    assert holed["volume_ml"].equals(whole["volume_ml"])
    assert holed["hu_mean"].isna().to_list() == [name == next(iter(ORGANS.names)) for name in holed.index]
    kept = [name for name in holed.index if name != next(iter(ORGANS.names))]
    assert holed.loc[kept, "hu_mean"].equals(whole.loc[kept, "hu_mean"])


@pytest.mark.parametrize(
    ("change", "words"), [(lambda values: values + 1024, "offset"), (lambda values: values / 4000, "scaled")]
)
def test_a_ct_that_is_not_in_hu_is_not_measured(study, change, words, caplog):
    in_hu = np.where(np.indices((14, 12, 10))[0] < 7, -1000, 40) + np.random.default_rng(1).integers(
        -20, 21, (14, 12, 10)
    )
    save(study.folder / "other.nii.gz", change(in_hu).astype(np.float32))
    save(study.folder / "in_hu.nii.gz", in_hu.astype(np.int16))
    study.add("a", labels((14, 12, 10)), "other.nii.gz")
    study.add("b", labels((14, 12, 10)), "in_hu.nii.gz")

    with caplog.at_level(logging.INFO):
        measures = study.measure()

    assert measures.loc["a", "status"].to_list() == ["not_hu"] * 3
    assert measures.loc["b", "hu_scale"].to_list() == ["hu"] * 3
    assert f"a was not measured: not_hu: {MEANINGS[words]}" in caplog.text


def test_a_deleted_ct_is_a_missing_file(study):
    study.add("a", labels(), "ct.nii.gz")

    assert study.measure()["status"].to_list() == ["missing_file"] * 3


def test_a_changed_label_map_is_rejected(study, caplog):
    study.add("a", labels())
    damage(study.store.mask_path("a"), flip_byte)

    with caplog.at_level(logging.INFO):
        measures = study.measure()

    assert measures["status"].to_list() == ["unreadable"] * 3
    assert any("a.nii.gz has changed since it was written; run the segment stage again" in m for m in caplog.messages)


def test_a_replaced_label_map_is_rejected(study):
    study.add("a", labels())
    save(study.store.mask_path("a"), labels(seed=9))

    assert study.measure()["status"].to_list() == ["unreadable"] * 3


def test_the_settings_determine_the_border_layers(study):
    numbers = np.zeros((10, 10, 10), np.uint8)
    numbers[2, 5, 5] = 1
    study.add("a", numbers)

    one = study.measure(border_layers=1).loc[("a", "spleen")]
    three = study.measure(border_layers=3).loc[("a", "spleen")]

    assert (one["border_voxels"], three["border_voxels"], three["faces"]) == (0, 1, "left")


def test_a_shard_without_scans_has_an_empty_table(study, caplog):
    study.scans = {"of_another_shard": None}

    with caplog.at_level(logging.INFO):
        measures = study.measure()

    assert len(measures) == 0
    assert caplog.messages[-1] == "rows by status: none"


def test_equal_images_result_in_identical_files(study):
    save(study.folder / "ct.nii.gz", hu())
    study.add("a", labels(), "ct.nii.gz")
    study.measure()
    names = ("out.parquet", "out.csv", "histograms.parquet")
    first = [(study.folder / name).read_bytes() for name in names]

    study.measure()

    assert [(study.folder / name).read_bytes() for name in names] == first


def test_the_settings_determine_the_depth_of_erosion(study):
    numbers = np.zeros((12, 12, 12), np.uint8)
    numbers[2:9, 2:9, 2:9] = 1
    study.add("a", numbers)  # edges of 1.5, 2 and 4 mm

    one = study.measure(erosion_mm=1.5).loc[("a", "spleen")]
    two = study.measure(erosion_mm=2).loc[("a", "spleen")]

    assert (one["eroded_voxels"], two["eroded_voxels"]) == (5 * 5 * 7, 5 * 5 * 5)


@pytest.mark.parametrize("off", [0, None])
def test_erosion_can_be_turned_off(study, off):
    study.add("a", labels())

    measures = study.measure(erosion_mm=off)

    assert measures[["eroded_voxels", "hu_mean_eroded"]].isna().all(axis=None)
    assert measures["n_voxels"].notna().all()


def test_shared_voxels_are_read_from_the_note(study):
    study.add("folder", labels(), shared={"spleen": 5, "kidney_left": 0, "liver": 5})
    study.add("one_file", labels())

    shared = study.measure()["shared_voxels"]

    assert shared["folder"].to_dict() == {"spleen": 5, "kidney_left": 0, "liver": 5}
    assert shared["one_file"].isna().all()


def test_a_covered_mask_has_a_separate_status(study):
    sentence = "3 of 4 voxels of the mask are in masks of higher labels, which have them"
    study.add("a", labels(highest=1), known={"spleen": 1}, shared={"spleen": 3}, covered={"liver": sentence})

    measures = study.measure().loc["a"]

    assert measures["status"].to_dict() == {
        "kidney_left": "not_in_model",
        "liver": "mask_in_others",
        "spleen": "measured",
    }
    assert measures["volume_ml"].notna().to_dict() == {"kidney_left": False, "liver": False, "spleen": True}
    assert measures["detail"].dropna().to_dict() == {"liver": sentence}


def test_sides_are_compared_and_placed_by_the_label_set(study):
    numbers = np.zeros((20, 10, 10), np.uint8)
    numbers[2:5, 4, 4], numbers[15, 4, 4], numbers[8:11, 2:9, 2:9] = 1, 2, 3
    study.organs = label_set("kidney_left", "kidney_right", "vertebrae_L1", "liver")
    study.add("a", numbers, known=study.organs.label_of)

    measures = study.measure().loc["a"]

    assert measures["contralateral_ratio"].dropna().to_dict() == {
        "kidney_left": 3,
        "kidney_right": pytest.approx(1 / 3),
    }
    assert measures["asymmetry"].dropna().to_dict() == pytest.approx({"kidney_left": 0.5, "kidney_right": 0.5})
    # Edges of 1.5 mm along x; centers at 3, 15, and 9 voxels
    assert measures["side_mm"].dropna().to_dict() == {"kidney_left": 6 * 1.5, "kidney_right": 6 * 1.5}


# Histograms


def test_histograms_contain_every_scan_with_a_ct(study):
    save(study.folder / "ct.nii.gz", hu())
    study.add("a", labels(), "ct.nii.gz")
    study.add("b", labels(seed=4))
    study.add("c", status="unreadable", detail="cut")
    study.add("d", labels(seed=5), "ct.nii.gz")

    measures = study.measure()

    table = HISTOGRAMS.check(pd.read_parquet(study.folder / "histograms.parquet"))
    assert sorted(set(table["scan_id"])) == ["a", "d"]
    n_voxels = table.groupby(["scan_id", "structure"])["n"].sum()
    assert n_voxels.to_dict() == measures["n_voxels"].loc[["a", "d"]].to_dict()
    values = np.sort(hu()[labels() == 1])
    spleen = table[table["scan_id"].eq("a") & table["structure"].eq("spleen")]
    assert np.repeat(spleen["hu"], spleen["n"]).to_list() == values.tolist()


def test_the_rows_of_histograms_are_sorted_by_their_key(study):
    save(study.folder / "ct.nii.gz", hu())
    study.add("b", labels(), "ct.nii.gz")
    study.add("a", labels(seed=4), "ct.nii.gz")

    study.measure()

    table = pd.read_parquet(study.folder / "histograms.parquet")
    pd.testing.assert_frame_equal(table, HISTOGRAMS.check(table))


def test_a_shard_without_a_ct_has_no_histograms(study):
    study.add("a", labels())

    study.measure()

    assert len(HISTOGRAMS.read(study.folder / "histograms.parquet")) == 0


def test_histograms_are_optional(study):
    study.add("a", labels())
    study.write()
    files = {"registry": "registry.csv", "segments": "segments.parquet", "masks": "masks", "out": "out.parquet"}
    options = [word for name, path in files.items() for word in (f"--{name}", str(study.folder / path))]

    assert main(["measure", *options, "--structures", str(study.folder / "structures.csv")]) == 0

    assert MEASURES_TABLE.read(study.folder / "out.parquet")["status"].eq("measured").all()


def test_a_missing_note_stops_the_run(study, capsys):
    study.add("a", labels())
    study.store.note_path("a").unlink()
    study.write()

    with pytest.raises(FileNotFoundError):
        study.measure()

    assert study.code == 1
    assert "a.json is missing or damaged; run the segment stage again" in capsys.readouterr().err


def test_a_scan_that_exceeds_the_memory_has_a_status(study, caplog, monkeypatch):
    def too_large(*_):
        raise MemoryError("Unable to allocate 9 GiB")

    study.add("a", labels())
    study.add("b", labels())
    monkeypatch.setattr("ctpop.stages.measure.command.measure_structures", too_large)

    measures = study.measure()

    assert set(measures["status"]) == {"out_of_memory"}


# Failure policy


def measure_with(study, *more):
    """Return the exit code of the command with additional options."""
    study.write()
    files = {"registry": "registry.csv", "segments": "segments.parquet", "masks": "masks", "out": "out.parquet"}
    options = [word for name, path in files.items() for word in (f"--{name}", str(study.folder / path))]
    return main(["measure", *options, "--structures", str(study.folder / "structures.csv"), *more])


def test_a_shard_without_images_fails_with_counts(study, capsys):
    for number in range(6):
        study.add(f"s{number}", labels(), "gone.nii.gz")
    study.add("not_segmented", status="unreadable", detail="cut")  # not a failure of this stage

    code = measure_with(study, "--max-failed-share", "0.5")

    assert code == 1
    assert (
        "error in measure: segments: 6 of 6 scans failed (6 missing_file), which is more than"
        in capsys.readouterr().err
    )
    assert not (study.folder / "out.parquet").exists()


@pytest.mark.parametrize(("attempts_left", "code"), [("1", 1), ("0", 0)])
def test_disk_errors_fail_the_job_while_attempts_remain(study, monkeypatch, attempts_left, code):
    def fail(*_):
        raise ScanError("not_read", "ct.nii.gz: Input/output error")

    study.add("a", labels())
    monkeypatch.setattr("ctpop.stages.measure.command.read_both", fail)

    assert measure_with(study, "--attempts-left", attempts_left) == code
    assert (study.folder / "out.parquet").exists() == (code == 0)


# Existing tables of measures


def read_table(study, path):
    """Return the exit code of the command for a table and a cohort of scans 0007 and b."""
    study.scans = {"0007": None, "b": None}
    study.write()
    options = {"registry": study.folder / "registry.csv", "structures": study.folder / "structures.csv"}
    options |= {"table": path, "out": study.folder / "out.parquet"}
    return main(["measure", *[word for name, value in options.items() for word in (f"--{name}", str(value))]])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_csv_and_parquet_are_read_identically(study, suffix):
    rows = [("0007", "liver", 1500.5, 60.25), ("b", "spleen", 200.0, None)]
    frame = pd.DataFrame(rows, columns=["scan_id", "structure", "volume_ml", "hu_mean"])
    path = study.folder / f"measures.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)

    assert read_table(study, path) == 0

    found = MEASURES_TABLE.read(study.folder / "out.parquet").set_index(["scan_id", "structure"])
    assert found["volume_ml"].dropna().to_dict() == {("0007", "liver"): 1500.5, ("b", "spleen"): 200}
    assert len(found) == 6


def test_leading_zeros_of_ids_are_kept(study):
    path = study.folder / "measures.csv"
    path.write_text("scan_id,structure,volume_ml\r\n0007,liver,1500\r\n", encoding="utf-8-sig")

    assert read_table(study, path) == 0

    found = MEASURES_TABLE.read(study.folder / "out.parquet").set_index(["scan_id", "structure"])
    assert found.loc[("0007", "liver"), "volume_ml"] == 1500


def test_a_missing_table_is_named(study, capsys):
    path = study.folder / "measures.csv"

    assert read_table(study, path) == 1

    expected = f"error in measure: {path}: the table of measures does not exist; correct the setting study.measures\n"
    assert capsys.readouterr().err == expected


def test_a_missing_masks_option_is_reported(tmp_path, capsys):
    named = ["--registry", "r.csv", "--structures", "demo", "--segments", "s.parquet", "--out", "o.parquet"]

    assert main(["measure", *named]) == 1
    assert capsys.readouterr().err == (
        "error in measure: --masks: the option is missing; name the folder of label maps to which --segments refers,"
        " for example --masks results/STUDY/masks\n"
    )


@pytest.mark.parametrize(("hu", "kept"), [(8000, False), (3000, True)])
def test_implausible_attenuation_is_removed_without_the_volume(hu, kept):
    rows = pd.DataFrame({"structure": ["femur_left", "liver"], "volume_ml": [200.0, 1500.0], "hu_mean": [hu, 60.0]})
    rows = rows.reindex(columns=["structure", "volume_ml", *OF_ATTENUATION, "hu_clipped"])

    found = measure.without_impossible_means(rows)

    assert found["hu_mean"].notna().tolist() == [kept, True]
    assert found["volume_ml"].tolist() == [200.0, 1500.0]


def test_equal_images_have_equal_digests(study):
    save(study.folder / "one.nii.gz", hu())
    save_turned(study.folder / "two.nii", hu().astype(np.float32), "LPI")
    save(study.folder / "three.nii.gz", hu(seed=9))
    for scan_id, ct in (("a", "one.nii.gz"), ("b", "two.nii"), ("c", "three.nii.gz"), ("d", None), ("e", None)):
        study.add(scan_id, labels(), ct)
    study.add("f", labels(seed=4))
    study.add("g", np.zeros_like(labels()))
    study.add("h", status="unreadable")

    digest = study.measure()["image_digest"].groupby("scan_id").first()

    assert digest["a"] == digest["b"]
    assert digest["d"] == digest["e"]
    assert digest[["a", "c", "d", "f"]].nunique() == 4
    assert digest[["g", "h"]].isna().all()
