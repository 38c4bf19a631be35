"""What is in an image is measured as it is: zero is a measurement, missing the lack of one, and nothing is judged."""

import json
import logging

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from ctpop.__main__ import main
from ctpop.errors import ContractError
from ctpop.images import Grid, read_labels
from ctpop.measure import HU_COLUMNS, measure_structures, take_over, values_by_label
from ctpop.schema import FACES, MEASURES_TABLE, REGISTRY_COLUMNS, SEGMENTS
from ctpop.segmentation.store import Note, Store
from volumes import (
    BAD_CTS,
    affine,
    damage,
    flip_byte,
    hu,
    label_set,
    labels,
    save,
    save_turned,
)

CUBE = (10, 10, 10)
GRID = Grid(CUBE, affine())
VOXEL_ML = 1.5 * 2 * 4 / 1000
ONE = {"liver": 1}
ORGANS = label_set("spleen", "kidney_left", "liver")


def marked(*voxels, label=1, shape=CUBE, dtype=np.uint8):
    """Return a label map in which these voxels carry a label."""
    found = np.zeros(shape, dtype)
    for voxel in voxels:
        found[voxel] = label
    return found


def only_row(*given):
    frame = measure_structures(*given)
    assert len(frame) == 1
    return frame.iloc[0]


# Volume and attenuation


def test_volume_is_voxels_times_the_volume_of_a_voxel():
    row = only_row(marked((2, 2, 2), (2, 2, 3), (7, 7, 7)), None, GRID, ONE, 1)

    assert (row["n_voxels"], row["volume_ml"]) == (3, pytest.approx(3 * VOXEL_ML, rel=1e-12))


@pytest.mark.parametrize(
    ("where", "voxel_ml"),
    [
        (affine(turned_degrees=(10, -20, 30)), VOXEL_ML),
        (affine() @ np.diag([-1, 1, 1, 1]), VOXEL_ML),  # left-handed: the determinant is negative
        (np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), 0.001),  # edges 1, 1.41 and 1 mm
    ],
)
def test_the_volume_of_a_voxel_is_the_determinant_of_the_affine(where, voxel_ml):
    row = only_row(marked((2, 2, 2)), None, Grid(CUBE, where), ONE, 1)

    assert row["volume_ml"] == pytest.approx(voxel_ml, rel=1e-12)


def test_attenuation_is_described_by_mean_sd_and_percentiles():
    image = np.zeros(CUBE, np.int16)
    voxels = [(2, 2, 2), (3, 2, 2), (2, 4, 2), (5, 5, 5), (5, 5, 6)]
    for voxel, value in zip(voxels, (100, 10, 30, 20, 40), strict=True):
        image[voxel] = value

    row = only_row(marked(*voxels), image, GRID, ONE, 1)

    assert row["hu_mean"] == 40
    assert row["hu_sd"] == pytest.approx(np.sqrt(5000 / 5))  # divided by n, not n - 1
    assert row[["hu_min", "hu_p25", "hu_p50", "hu_p75", "hu_max"]].to_list() == [10, 20, 30, 40, 100]
    assert row[["hu_p05", "hu_p95"]].to_list() == pytest.approx([12, 88])  # positions 0.2 and 3.8 of 0 to 4


def test_one_voxel_has_its_own_value_as_mean_and_percentiles_and_no_spread():
    row = only_row(marked((2, 2, 2)), np.full(CUBE, -87, np.int16), GRID, ONE, 1)

    assert row["hu_sd"] == 0
    assert (row[[name for name in HU_COLUMNS if name != "hu_sd"]] == -87).all()


def test_values_between_whole_numbers_and_beyond_16_bits_are_not_rounded_or_binned():
    image = np.zeros(CUBE, np.float64)
    image[2, 2, 2], image[3, 3, 3] = 0.25, 2_000_000_000

    row = only_row(marked((2, 2, 2), (3, 3, 3)), image, GRID, ONE, 1)

    assert row[["hu_min", "hu_max", "hu_mean"]].to_list() == [0.25, 2e9, 1_000_000_000.125]


def test_a_large_structure_of_small_integers_does_not_overflow():
    shape = (50, 50, 50)
    row = only_row(np.ones(shape, np.uint8), np.full(shape, 30000, np.int16), Grid(shape, affine()), ONE, 1)

    assert (row["hu_mean"], row["hu_sd"]) == (30000, 0)


@pytest.mark.parametrize("others", [[], [(2, 2, 2)]], ids=["nothing at all", "other structures"])
def test_absent_structure_has_zero_volume_and_no_attenuation(others):
    row = only_row(marked(*others, label=7), hu(CUBE), GRID, ONE, 1)

    assert (row["n_voxels"], row["volume_ml"], row["border_voxels"]) == (0, 0, 0)
    assert row[[*HU_COLUMNS, "faces", "centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]].isna().all()


def test_without_a_ct_there_are_volumes_and_no_attenuation():
    row = only_row(marked((2, 2, 2)), None, GRID, ONE, 1)

    assert row["n_voxels"] == 1
    assert row[list(HU_COLUMNS)].isna().all()


def test_structures_are_measured_each_by_its_own_label_in_the_order_asked_for():
    image = marked((2, 2, 2), label=7) + marked((3, 3, 3), (4, 4, 4), label=2)
    attenuation = (image * 10).astype(np.int16)

    frame = measure_structures(image, attenuation, GRID, {"g": 7, "absent": 5, "b": 2}, 1)

    assert frame["structure"].to_list() == ["g", "absent", "b"]
    assert frame["n_voxels"].to_list() == [1, 0, 2]
    assert frame["hu_mean"].fillna(-1).to_list() == [70, -1, 20]


def test_attenuation_is_sorted_by_label_without_background_and_higher_labels():
    numbers = np.array([2, 0, 1, 9, 2, 1], np.uint8).reshape(6, 1, 1)
    attenuation = np.array([20, -1000, 10, 90, 21, 11], np.int16).reshape(6, 1, 1)

    values, ends = values_by_label(numbers, attenuation, size=4)

    assert values.tolist() == [10, 11, 20, 21]
    assert ends.tolist() == [0, 2, 4, 4]


def test_labels_that_were_not_asked_for_do_not_matter():
    image = marked((2, 2, 2), label=1) + marked((0, 0, 0), (9, 9, 9), label=200)

    pd.testing.assert_frame_equal(
        measure_structures(image, hu(CUBE), GRID, ONE, 1),
        measure_structures(marked((2, 2, 2), label=1), hu(CUBE), GRID, ONE, 1),
    )


@pytest.mark.parametrize(("label", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16)])
def test_the_highest_label_of_a_type_is_measured_too(label, dtype):
    row = only_row(marked((0, 2, 2), label=label, dtype=dtype), hu(CUBE), GRID, {"last": label}, 1)

    assert (row["n_voxels"], row["border_voxels"], row["faces"]) == (1, 1, "left")
    assert row["hu_mean"] == hu(CUBE)[0, 2, 2]


# The border of the image


@pytest.mark.parametrize(
    ("voxel", "face"),
    [
        ((0, 5, 5), "left"),
        ((9, 5, 5), "right"),
        ((5, 0, 5), "posterior"),
        ((5, 9, 5), "anterior"),
        ((5, 5, 0), "inferior"),
        ((5, 5, 9), "superior"),
    ],
)
def test_each_face_has_its_name_and_one_layer_is_one_voxel_deep(voxel, face):
    inward = tuple(min(max(index, 1), 8) for index in voxel)

    at_border = only_row(marked(voxel), None, GRID, ONE, 1)
    inside = only_row(marked(inward), None, GRID, ONE, 1)

    assert (at_border["faces"], at_border["border_voxels"]) == (face, 1)
    assert inside["border_voxels"] == 0
    assert pd.isna(inside["faces"])


@pytest.mark.parametrize(("index", "layers", "touches"), [(2, 3, True), (3, 3, False), (7, 3, True), (6, 3, False)])
def test_three_layers_are_three_voxels_deep_on_both_sides(index, layers, touches):
    row = only_row(marked((5, 5, index)), None, GRID, ONE, layers)

    assert row["border_voxels"] == int(touches)
    assert pd.notna(row["faces"]) == touches


def test_voxels_of_edges_and_corners_count_once_and_name_all_their_faces():
    row = only_row(marked((0, 0, 0), (0, 5, 9), (5, 5, 5)), None, GRID, ONE, 1)

    assert row["border_voxels"] == 2
    assert row["faces"] == "left posterior inferior superior"


def test_a_structure_that_fills_the_image_reaches_all_faces_and_its_core_is_no_border():
    full = np.ones(CUBE, np.uint8)

    assert only_row(full, None, GRID, ONE, 1)["border_voxels"] == 10**3 - 8**3
    assert only_row(full, None, GRID, ONE, 3)["border_voxels"] == 10**3 - 4**3
    assert only_row(full, None, GRID, ONE, 1)["faces"] == " ".join(FACES)


@pytest.mark.parametrize("layers", [5, 7, 20])
def test_with_more_layers_than_the_image_has_everything_is_border(layers):
    row = only_row(marked((4, 4, 4), (5, 5, 5)), None, GRID, ONE, layers)

    assert row["border_voxels"] == 2


def test_in_a_single_slice_everything_is_border():
    row = only_row(marked((5, 5, 0), shape=(10, 10, 1)), None, Grid((10, 10, 1), affine()), ONE, 1)

    assert (row["border_voxels"], row["faces"]) == (1, "inferior superior")


@pytest.mark.parametrize(("codes", "on_disk"), [("LPS", (9, 4, 5)), ("RAS", (0, 5, 5)), ("SLA", (5, 9, 5))])
def test_faces_are_named_after_the_patient_however_the_image_lies_on_disk(tmp_path, codes, on_disk):
    leftmost = marked((0, 5, 5))
    path = save_turned(tmp_path / "labels.nii.gz", leftmost, codes)
    stored = np.asarray(nib.load(path).dataobj)
    volume = read_labels(path)

    row = only_row(volume.data, None, volume.grid, ONE, 1)

    assert stored[on_disk] == 1
    assert row["faces"] == "left"


# The centre of mass


def test_the_centroid_is_the_mean_position_in_world_millimetres():
    row = only_row(marked((2, 4, 6), (3, 4, 6)), None, GRID, ONE, 1)

    # origin -30, -20, 100 mm; edges 1.5, 2 and 4 mm
    centroid = row[["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]].to_list()
    assert centroid == [-30 + 2.5 * 1.5, -20 + 4 * 2.0, 100 + 6 * 4.0]


def test_the_centroid_turns_with_the_affine():
    quarter = np.array([[0, -2, 0, 10], [1.5, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1.0]])  # x forwards, y to the left

    row = only_row(marked((2, 3, 5)), None, Grid(CUBE, quarter), ONE, 1)

    assert row[["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]].to_list() == [10 - 6, 20 + 3, 30 + 20]


# A shard


class Study:
    """A cohort with label maps in a store, and the command that measures it."""

    def __init__(self, folder):
        self.folder = folder
        self.store = Store(folder / "masks")
        self.rows = []
        self.scans = {}

    def add(self, scan_id, numbers=None, ct=None, known=ORGANS.label_of, **row):
        """Add a scan: its labels, if it was segmented, and the name of its CT."""
        self.scans[scan_id] = ct
        row = {"scan_id": scan_id, "status": "existing", **row}
        if numbers is not None:
            drawn = read_labels(save(self.folder / "labels.nii.gz", numbers))
            note = self.store.keep(scan_id, drawn, Note("key", "", known))
            row |= {"mask_path": f"masks/{scan_id}.nii.gz", "mask_sha256": note.mask_sha256}
        self.rows.append(row)

    def write(self):
        registry = pd.DataFrame({"scan_id": list(self.scans), "ct_path": list(self.scans.values())})
        registry.reindex(columns=list(REGISTRY_COLUMNS)).to_csv(self.folder / "registry.csv", index=False)
        segments = pd.DataFrame(self.rows, columns=list(SEGMENTS.columns)).astype("str")
        SEGMENTS.write(segments, self.folder / "segments.parquet")
        ORGANS.table.to_csv(self.folder / "structures.csv", index=False)

    def measure(self, **settings):
        self.write()
        files = {"registry": "registry.csv", "segments": "segments.parquet", "masks": "masks", "out": "out.parquet"}
        options = [word for name, path in files.items() for word in (f"--{name}", str(self.folder / path))]
        where = ["--structures", str(self.folder / "structures.csv")]
        self.code = main(["measure", *options, *where, "--settings", json.dumps(settings)])
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
    assert caplog.messages[-1] == "9 rows = 6 measured, 3 unreadable"


def test_a_scan_is_measured_on_the_grid_of_its_ct(study):
    save_turned(study.folder / "ct.nii.gz", hu(), "LPI")
    study.add("a", labels(), "ct.nii.gz")

    row = study.measure().loc[("a", "kidney_left")]

    assert row["status"] == "measured"
    assert row["n_voxels"] == np.count_nonzero(labels() == 2)
    assert row["hu_mean"] == pytest.approx(hu()[labels() == 2].mean())


def test_a_scan_without_a_label_map_has_rows_with_its_reason_and_no_numbers(study):
    study.add("a", status="out_of_memory", detail="too large")

    measures = study.measure()

    assert measures["status"].to_list() == ["out_of_memory"] * 3
    assert measures.drop(columns="status").isna().all(axis=None)


def test_a_structure_that_the_segmentation_does_not_know_is_not_absent_but_not_measured(study):
    study.add("a", labels(highest=1), known={"spleen": 1, "liver": 3})

    measures = study.measure().loc["a"]

    assert measures["status"].to_dict() == {"kidney_left": "not_in_model", "liver": "measured", "spleen": "measured"}
    assert measures["n_voxels"].fillna(-1).to_dict() == {
        "kidney_left": -1,
        "liver": 0,
        "spleen": np.count_nonzero(labels(highest=1)),
    }


def test_a_segmentation_that_knows_no_structure_of_the_study_gives_no_measures(study):
    study.add("a", labels(), known={"heart": 1})

    assert study.measure()["status"].to_list() == ["not_in_model"] * 3


def test_the_numbers_of_the_model_count_not_those_of_the_label_set(study):
    study.add("a", labels(highest=9), known={"liver": 9, "spleen": 4, "kidney_left": 7})

    measures = study.measure().loc["a"]

    expected = {
        name: np.count_nonzero(labels(highest=9) == label)
        for name, label in {"liver": 9, "spleen": 4, "kidney_left": 7}.items()
    }
    assert measures["n_voxels"].to_dict() == expected


def test_a_ct_on_another_grid_is_refused_and_not_resampled(study):
    save(study.folder / "ct.nii.gz", hu(), affine(origin_mm=(-30, -20, 108)))
    study.add("a", labels(), "ct.nii.gz")

    measures = study.measure()

    assert measures["status"].to_list() == ["grid_mismatch"] * 3
    assert measures["n_voxels"].isna().all()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("a gzip file cut at half its length", "unreadable"),
        ("one infinite voxel", "bad_values"),
        ("a gantry tilt", "bad_geometry"),
    ],
)
def test_a_ct_that_cannot_be_read_is_a_reason_and_the_next_scan_is_measured(study, kind, status):
    BAD_CTS[kind].save(study.folder / "scan.nii.gz")
    study.add("a", labels(), "scan.nii.gz")
    study.add("b", labels())

    measures = study.measure()

    assert measures.loc["a", "status"].to_list() == [status] * 3
    assert measures.loc["b", "status"].to_list() == ["measured"] * 3


def test_a_ct_that_is_gone_is_a_missing_file(study):
    study.add("a", labels(), "ct.nii.gz")

    assert study.measure()["status"].to_list() == ["missing_file"] * 3


def test_a_label_map_that_changed_since_it_was_written_is_refused(study, caplog):
    study.add("a", labels())
    damage(study.store.mask_path("a"), flip_byte)

    with caplog.at_level(logging.INFO):
        measures = study.measure()

    assert measures["status"].to_list() == ["unreadable"] * 3
    assert any("a.nii.gz has changed since it was written; run the segment stage again" in m for m in caplog.messages)


def test_a_readable_label_map_in_the_place_of_another_is_refused_too(study):
    study.add("a", labels())
    save(study.store.mask_path("a"), labels(seed=9))

    assert study.measure()["status"].to_list() == ["unreadable"] * 3


def test_the_layers_of_the_border_come_from_the_settings(study):
    numbers = marked((2, 5, 5), shape=CUBE)
    study.add("a", numbers)

    one = study.measure(border_layers=1).loc[("a", "spleen")]
    three = study.measure(border_layers=3).loc[("a", "spleen")]

    assert (one["border_voxels"], three["border_voxels"], three["faces"]) == (0, 1, "left")


def test_a_shard_without_scans_is_a_table_without_rows(study, caplog):
    study.scans = {"of_another_shard": None}

    with caplog.at_level(logging.INFO):
        measures = study.measure()

    assert len(measures) == 0
    assert caplog.messages[-1] == "0 rows = none"


def test_the_same_images_give_the_same_bytes(study):
    save(study.folder / "ct.nii.gz", hu())
    study.add("a", labels(), "ct.nii.gz")
    study.measure()
    first = [(study.folder / f"out.{suffix}").read_bytes() for suffix in ("parquet", "csv")]

    study.measure()

    assert [(study.folder / f"out.{suffix}").read_bytes() for suffix in ("parquet", "csv")] == first


def test_a_scan_whose_note_is_gone_stops_the_run(study, capsys):
    study.add("a", labels())
    study.store.note_path("a").unlink()
    study.write()

    with pytest.raises(FileNotFoundError):
        study.measure()

    assert study.code == 1
    assert "a.json: is missing or damaged; run the segment stage again" in capsys.readouterr().err


# A table of measures made elsewhere


def table(*rows, columns=("scan_id", "structure", "volume_ml", "hu_mean")):
    return pd.DataFrame(list(rows), columns=list(columns))


def taken(frame, scans=("a", "b"), names=("liver", "spleen")):
    found = take_over(frame, list(scans), list(names), "measures.csv")
    return MEASURES_TABLE.check(found).set_index(["scan_id", "structure"])


def refused(frame, **options):
    with pytest.raises(ContractError) as error:
        taken(frame, **options)
    return str(error.value)


def test_a_table_is_taken_over_value_by_value():
    found = taken(table(("a", "liver", 1500.5, 60.25), ("b", "liver", 900.0, None)))

    assert found.loc[("a", "liver"), ["status", "volume_ml", "hu_mean"]].to_list() == ["measured", 1500.5, 60.25]
    assert found.loc[("b", "liver"), "volume_ml"] == 900
    assert pd.isna(found.loc[("b", "liver"), "hu_mean"])


def test_what_the_table_has_no_value_for_is_missing_and_not_zero():
    found = taken(table(("a", "liver", 1500.5, 60.25), ("b", "spleen", None, None)))

    assert found["status"].to_dict() == {
        ("a", "liver"): "measured",
        ("a", "spleen"): "not_in_table",
        ("b", "liver"): "not_in_table",
        ("b", "spleen"): "not_in_table",
    }
    assert found.drop(index=("a", "liver")).drop(columns="status").isna().all(axis=None)


def test_a_volume_of_zero_in_the_table_is_a_measured_absence():
    found = taken(table(("a", "liver", 0, None)))

    assert found.loc[("a", "liver"), ["status", "volume_ml"]].to_list() == ["measured", 0]


def test_other_scans_and_structures_are_set_aside_and_counted(caplog):
    frame = table(("a", "liver", 1500, 60), ("x", "liver", 1, 1), ("a", "heart", 1, 1))

    with caplog.at_level(logging.INFO):
        found = taken(frame)

    assert len(found) == 4
    assert "1 rows taken over, 2 of other scans or structures set aside" in caplog.messages


def test_further_columns_of_measures_are_kept_and_unknown_ones_left_out():
    columns = ("scan_id", "structure", "volume_ml", "n_voxels", "hu_p50", "faces", "status", "remark")

    found = taken(table(("a", "liver", 1500, 125000, 58, "superior", "fine", "x"), columns=columns))

    row = found.loc[("a", "liver")]
    assert row[["status", "n_voxels", "hu_p50", "faces"]].to_list() == ["measured", 125000, 58, "superior"]
    assert "remark" not in found.columns


@pytest.mark.parametrize("column", ["volume_ml", "hu_mean"])
def test_one_of_the_two_measures_is_enough(column):
    found = taken(table(("a", "liver", 60.0), columns=("scan_id", "structure", column)))

    assert found.loc[("a", "liver"), ["status", column]].to_list() == ["measured", 60]


@pytest.mark.parametrize(
    "columns", [("structure", "volume_ml"), ("scan_id", "volume_ml"), ("scan_id", "structure"), ("scan", "organ")]
)
def test_a_table_without_a_needed_column_is_refused(columns):
    message = refused(table(columns=columns))

    assert message == (
        "measures.csv: columns scan_id, structure and volume_ml or hu_mean are needed, found " + ", ".join(columns)
    )


def test_a_table_of_other_people_is_refused():
    message = refused(table(("x", "liver", 1500, 60)))

    assert message == "measures.csv: no row has a scan_id of the cohort and a structure of the label set"


def test_a_scan_and_structure_that_stand_twice_are_refused():
    message = refused(table(("a", "liver", 1500, 60), ("a", "liver", 1501, 60)))

    assert message.startswith("measures.csv: scan_id and structure must identify one row, found repeated in 2 rows")


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        (-1, "column 'volume_ml' must be at least 0 ml, found -1 in 1 rows, first scan_id and structure: 'a liver'"),
        (
            "1,5",
            "column 'volume_ml' must be a finite number, found 1,5 in 1 rows, first scan_id and structure: 'a liver'",
        ),
    ],
)
def test_a_volume_that_is_none_is_refused(volume, expected):
    assert refused(table(("a", "liver", volume, 60))) == f"measures.csv: {expected}"


def take_over_file(study, path):
    """Return the outcome of the command on a table, for a cohort of scans 0007 and b."""
    study.scans = {"0007": None, "b": None}
    study.write()
    options = {"registry": study.folder / "registry.csv", "structures": study.folder / "structures.csv"}
    options |= {"table": path, "out": study.folder / "out.parquet"}
    return main(["measure", *[word for name, value in options.items() for word in (f"--{name}", str(value))]])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_csv_and_parquet_give_the_same_table(study, suffix):
    frame = table(("0007", "liver", 1500.5, 60.25), ("b", "spleen", 200.0, None))
    path = study.folder / f"measures.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)

    assert take_over_file(study, path) == 0

    found = MEASURES_TABLE.read(study.folder / "out.parquet").set_index(["scan_id", "structure"])
    assert found["volume_ml"].dropna().to_dict() == {("0007", "liver"): 1500.5, ("b", "spleen"): 200}
    assert len(found) == 6


def test_a_table_from_a_spreadsheet_keeps_its_leading_zeros(study):
    path = study.folder / "measures.csv"
    path.write_text("scan_id,structure,volume_ml\r\n0007,liver,1500\r\n", encoding="utf-8-sig")

    assert take_over_file(study, path) == 0

    found = MEASURES_TABLE.read(study.folder / "out.parquet").set_index(["scan_id", "structure"])
    assert found.loc[("0007", "liver"), "volume_ml"] == 1500


def test_a_table_that_is_not_there_is_named(study, capsys):
    path = study.folder / "measures.csv"

    assert take_over_file(study, path) == 1

    expected = f"error in measure: {path}: the table of measures does not exist; set study.measures\n"
    assert capsys.readouterr().err == expected


def test_a_store_that_is_not_named_is_told(tmp_path, capsys):
    named = ["--registry", "r.csv", "--structures", "demo", "--segments", "s.parquet", "--out", "o.parquet"]

    assert main(["measure", *named]) == 1
    assert capsys.readouterr().err == (
        "error in measure: --masks: is missing; --segments tells of label maps in a store\n"
    )
