"""Tests of the command `segment`: one row per scan, reasons for failed scans, and reuse of finished scans."""

import logging

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import CONVERSIONS, REGISTRY_COLUMNS, SEGMENT_STATUS, SEGMENTS
from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import read_labels, sha256_of
from ctpop.imaging.job_ledger import Ledger
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
from ctpop.models import model_set
from ctpop.stages.segment.command import segment_scans
from ctpop.stages.segment.sources import ScanToSegment
from ctpop.study.shards import shard_of
from support.config_files import config_file, config_option
from support.tiny_model import STRUCTURES, save_model
from support.volumes import BAD_CTS, SHAPE, affine, damage, flip_byte, hu, label_set, labels, save, save_masks

ORGANS = label_set(*STRUCTURES)
ANY_SHARE = {"max_failed_share": 1}
SETTINGS = {"device": "cpu", "step_size": 0.5, "cpu_threads": 1}


def write_registry(scans, folder):
    """Write a registry of scans, given by their columns without missing values, and return its path."""
    frame = pd.DataFrame(list(scans.values()), index=list(scans)).rename_axis("scan_id").reset_index()
    frame.reindex(columns=list(REGISTRY_COLUMNS)).assign(age_years=60.0).to_csv(folder / "registry.csv", index=False)
    return folder / "registry.csv"


class Study:
    """A cohort in a folder, with a method that runs the command `segment`."""

    def __init__(self, folder, engine, **options):
        self.folder = folder
        self.masks = folder / "masks"
        self.options = {"engine": engine, "structures": folder / "structures.csv", **options}
        ORGANS.table.to_csv(self.options["structures"], index=False)

    def segment(self, scans, shard="1-of-1", **changed):
        out = self.folder / "segments.parquet"
        options = {
            **self.options,
            "registry": write_registry(scans, self.folder),
            "masks": self.masks,
            "out": out,
            "shard": shard,
            "times": self.folder / "benchmarks" / "times.csv",
            **changed,
        }
        cohort = {"criteria": options.pop("criteria", [])}
        options["config"] = config_file(cohort=cohort, segment=options.pop("settings", {}))
        assert main(["segment", *[word for name, value in options.items() for word in (f"--{name}", str(value))]]) == 0
        return SEGMENTS.read(out).set_index("scan_id")

    def stamps(self):
        """Return file attributes that change if a file is written again."""
        return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in self.masks.iterdir()}


@pytest.fixture
def study(tmp_path):
    """A study of existing segmentations."""
    return Study(tmp_path, "existing")


def with_both(folder, scan_id, seed=1):
    """Write the CT and the label map of a scan, and return its registry columns."""
    save(folder / f"{scan_id}_ct.nii.gz", hu(seed=seed))
    save(folder / f"{scan_id}_labels.nii.gz", labels(seed=seed))
    return {"ct_path": f"{scan_id}_ct.nii.gz", "segmentation_path": f"{scan_id}_labels.nii.gz"}


# Existing segmentations


def test_an_existing_label_map_is_copied_to_the_store(study):
    segments = study.segment({"a": with_both(study.folder, "a")})

    row = segments.loc["a"]
    assert (row["status"], row["mask_path"]) == ("existing", "masks/a.nii.gz")
    assert row["mask_sha256"] == sha256_of(study.masks / "a.nii.gz")
    assert row[["model", "detail"]].isna().all()
    np.testing.assert_array_equal(read_labels(study.masks / "a.nii.gz").data, labels(seed=1))
    assert LabelMapStore(study.masks).note_of("a").labels == STRUCTURES


def test_a_folder_of_masks_without_a_ct_is_read(study):
    save_masks(study.folder / "masks_of_a", {"spleen": labels() == 1, "lung": labels() == 2})

    segments = study.segment({"a": {"segmentation_path": "masks_of_a"}})

    assert segments.loc["a", "status"] == "existing"
    assert segments.loc["a", "detail"] == "files that are not named after a structure of the label set: 1"
    assert LabelMapStore(study.masks).note_of("a").labels == {"spleen": 1}


def test_each_type_of_remark_is_logged_once(study, caplog):
    for number, scan_id in enumerate(["a", "b", "c"]):
        mask = np.zeros(SHAPE, bool)
        mask[: number + 1, 0, 0] = True
        save_masks(study.folder / scan_id, {"spleen": mask, "liver": mask} if scan_id != "c" else {"LIVER": mask})

    with caplog.at_level(logging.INFO):
        study.segment({name: {"segmentation_path": name} for name in "abc"})

    assert [message for message in caplog.messages if "first" in message] == [
        "scans: 2, first a: voxels in more than one mask, which received the highest label: 1;"
        " structures with most of their voxels in masks of higher labels: 1 (first: spleen)",
        "scans: 1, first c: names changed to the spelling of the label set: 1, such as LIVER to liver",
    ]


def bad_scans(folder):
    """Write one scan for each reason for which an existing segmentation is rejected."""
    good = with_both(folder, "good")
    save(folder / "other_grid.nii.gz", hu((8, 7, 5)))
    save(folder / "unknown.nii.gz", labels(highest=9))
    save(folder / "half.nii.gz", labels() * np.float32(0.5))
    save(folder / "no_forms.nii.gz", labels(), sform_code=0)
    BAD_CTS["a gzip file cut at half its length"].save(folder / "cut.nii.gz")
    save_masks(folder / "no_masks", {})
    (folder / "no_masks").mkdir()
    return {
        "good": (good, "existing", None),
        "no_path": ({}, "missing_file", "the registry contains no segmentation_path"),
        "missing": ({"segmentation_path": "x.nii.gz"}, "missing_file", "segmentation_path does not exist"),
        "missing_ct": ({**good, "ct_path": "x.nii.gz"}, "missing_file", "ct_path does not exist"),
        "no_masks": ({"segmentation_path": "no_masks"}, "missing_file", "segmentation_path contains no mask named"),
        "cut": ({"segmentation_path": "cut.nii.gz"}, "unreadable", "segmentation_path: "),
        "no_forms": ({"segmentation_path": "no_forms.nii.gz"}, "bad_geometry", "neither qform nor sform is set"),
        "half": ({"segmentation_path": "half.nii.gz"}, "bad_values", "labels must be whole numbers"),
        "other_grid": ({**good, "ct_path": "other_grid.nii.gz"}, "grid_mismatch", "the segmentation and the CT have"),
        "unknown": ({"segmentation_path": "unknown.nii.gz"}, "unknown_labels", "segmentation_path has labels that are"),
    }


def test_each_failed_scan_has_a_row_with_its_reason(study, caplog):
    scans = bad_scans(study.folder)

    with caplog.at_level(logging.INFO):
        segments = study.segment({scan: columns for scan, (columns, _, _) in scans.items()}, settings=ANY_SHARE)

    assert segments["status"].to_dict() == {scan: status for scan, (_, status, _) in scans.items()}
    details = segments["detail"].dropna()
    assert all(details[scan].startswith(words) for scan, (_, _, words) in scans.items() if words)
    bad = segments.drop("good")
    assert bad[["mask_path", "mask_sha256", "model"]].isna().all(axis=None)
    assert sorted(path.name for path in study.masks.iterdir()) == ["good.json", "good.nii.gz"]
    assert caplog.messages[-1] == (
        "10 scans: 1 bad_geometry, 1 bad_values, 1 existing, 1 grid_mismatch, 4 missing_file,"
        " 1 unknown_labels, 1 unreadable; already finished: 0"
    )


def test_a_scan_that_was_not_converted_has_a_row_with_the_reason(study):
    scans = {name: with_both(study.folder, name) for name in ("a", "b")}
    rows = [{"scan_id": "a", "status": "converted"}, {"scan_id": "b", "status": "not_hu", "detail": "no air"}]
    rows.append({"scan_id": "of_another_shard", "status": "not_hu"})
    CONVERSIONS.write(pd.DataFrame(rows).reindex(columns=list(CONVERSIONS.columns)), study.folder / "c.parquet")

    segments = study.segment(scans, conversions=study.folder / "c.parquet")

    assert segments["status"].to_dict() == {"a": "existing", "b": "not_converted"}
    assert segments.loc["b", "detail"] == "not_hu: no air"
    assert not (study.masks / "b.nii.gz").exists()


def test_every_status_of_a_failed_scan_is_defined(tmp_path):
    statuses = {status for _, status, _ in bad_scans(tmp_path).values()}

    assert statuses <= set(SEGMENT_STATUS)
    others = {"segmented", "not_converted", "out_of_memory", "prediction_failed", "not_read", "not_written", "not_hu"}
    assert set(SEGMENT_STATUS) - statuses == others


def test_absolute_paths_do_not_depend_on_the_folder_of_the_registry(study, tmp_path_factory):
    columns = with_both(study.folder, "a")
    absolute = {name: str(study.folder / path) for name, path in columns.items()}

    elsewhere = write_registry({"a": absolute}, tmp_path_factory.mktemp("elsewhere"))

    segments = study.segment({"a": absolute}, registry=elsewhere)

    assert segments.loc["a", "status"] == "existing"


# Reuse of finished scans


def test_a_finished_scan_is_not_written_again_and_is_logged(study, caplog):
    scans = {"a": with_both(study.folder, "a"), "b": with_both(study.folder, "b", seed=5)}
    first = study.segment(scans)
    before = study.stamps()

    with caplog.at_level(logging.INFO):
        second = study.segment(scans)

    pd.testing.assert_frame_equal(second, first)
    assert study.stamps() == before
    assert caplog.messages[-1] == "2 scans: 2 existing; already finished: 2"
    assert pd.read_csv(study.folder / "benchmarks" / "times.csv")["reused"].to_list() == [True, True]


def test_a_new_scan_does_not_change_finished_scans(study):
    study.segment({"a": with_both(study.folder, "a")})
    before = study.stamps()

    segments = study.segment({"a": with_both(study.folder, "a"), "b": with_both(study.folder, "b", seed=5)})

    assert segments["status"].to_list() == ["existing", "existing"]
    assert {name: stamp for name, stamp in study.stamps().items() if name.startswith("a")} == before


CHANGES = {
    "the voxels of the label map differ": lambda study: save(study.folder / "a_labels.nii.gz", labels(seed=9)),
    "the bytes of the CT differ": lambda study: save(study.folder / "a_ct.nii.gz", hu(seed=9)),
    "the stored mask is damaged": lambda study: damage(study.masks / "a.nii.gz", flip_byte),
    "the stored mask is truncated": lambda study: damage(study.masks / "a.nii.gz", lambda content: content[:100]),
    "the stored mask is missing": lambda study: (study.masks / "a.nii.gz").unlink(),
    "the note is missing": lambda study: (study.masks / "a.json").unlink(),
    "the note is damaged": lambda study: (study.masks / "a.json").write_text("{"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_scan_is_segmented_again_if(study, change, caplog):
    scans = {"a": with_both(study.folder, "a"), "b": with_both(study.folder, "b", seed=5)}
    study.segment(scans)
    before = study.stamps()
    CHANGES[change](study)

    with caplog.at_level(logging.INFO):
        segments = study.segment(scans)

    assert caplog.messages[-1] == "2 scans: 2 existing; already finished: 1"
    after = study.stamps()
    assert after["a.nii.gz"] != before["a.nii.gz"]
    assert after["b.nii.gz"] == before["b.nii.gz"]
    expected = read_labels(study.folder / "a_labels.nii.gz").data
    np.testing.assert_array_equal(read_labels(study.masks / "a.nii.gz").data, expected)
    assert segments.loc["a", "mask_sha256"] == sha256_of(study.masks / "a.nii.gz")


def test_changed_numbers_in_the_label_set_repeat_a_scan(study):
    scans = {"a": with_both(study.folder, "a")}
    study.segment(scans)
    renumbered = ORGANS.table.assign(structure=["liver", "kidney_left", "spleen"])
    renumbered.to_csv(study.folder / "other.csv", index=False)

    study.segment(scans, structures=study.folder / "other.csv")

    assert LabelMapStore(study.masks).note_of("a").labels == {"liver": 1, "kidney_left": 2, "spleen": 3}


def test_an_added_ct_repeats_a_scan(study):
    both = with_both(study.folder, "a")
    study.segment({"a": {"segmentation_path": both["segmentation_path"]}})
    before = study.stamps()

    study.segment({"a": both})

    assert study.stamps() != before


def test_the_row_of_a_damaged_scan_is_replaced(study):
    study.segment({"a": with_both(study.folder, "a")})
    damage(study.folder / "a_labels.nii.gz", flip_byte)

    segments = study.segment({"a": {"segmentation_path": "a_labels.nii.gz"}})

    assert segments.loc["a", "status"] == "unreadable"
    assert pd.isna(segments.loc["a", "mask_path"])


def test_no_temporary_file_remains(study):
    study.segment({scan: columns for scan, (columns, _, _) in bad_scans(study.folder).items()}, settings=ANY_SHARE)

    assert not [path for path in study.folder.rglob("*") if path.name.endswith(".part")]


# Failures


def test_a_failed_shard_writes_no_table_and_keeps_finished_label_maps(study, capsys):
    good = {scan: with_both(study.folder, scan, seed) for seed, scan in enumerate("ab", start=1)}
    bad = {f"s{number}": {"segmentation_path": "missing.nii.gz"} for number in range(5)}

    with pytest.raises(AssertionError, match="assert 1 == 0"):
        study.segment({**good, **bad, "s5": {}})

    expected = "error in segment: shard 1-of-1: 6 of 8 scans failed (6 missing_file), which is more than"
    assert expected in capsys.readouterr().err
    assert not (study.folder / "segments.parquet").exists()
    assert sorted(path.name for path in study.masks.glob("*.nii.gz")) == ["a.nii.gz", "b.nii.gz"]
    assert study.segment(good)["status"].to_list() == ["existing", "existing"]


class Flaky:
    """A source whose scans fail a specified number of times and then succeed."""

    status = "existing"

    def __init__(self, store, reason, failures):
        self.store, self.reason, self.failures = store, reason, dict(failures)
        self.read_scans = []

    def read(self, scan):
        self.read_scans.append(scan.scan_id)
        self.failures[scan.scan_id] -= 1
        if self.failures[scan.scan_id] >= 0:
            raise ScanError(self.reason, "failed")
        return LabelMapNote("key", "0" * 64, STRUCTURES)

    def predict(self, work):
        raise NotImplementedError

    write = predict

    def memory_mb(self):
        return None


@pytest.mark.parametrize("reason", ["out_of_memory", "not_read", "not_written"])
def test_a_temporary_failure_is_repeated_after_the_other_scans(tmp_path, reason):
    flaky = Flaky(LabelMapStore(tmp_path), reason, {"a": 1, "b": 0, "c": 2, "d": 0})

    segments, _ = segment_scans([ScanToSegment(name, None, None) for name in "abcd"], flaky, Ledger(None))

    assert flaky.read_scans == ["a", "b", "c", "d", "a", "c"]
    assert segments.set_index("scan_id")["status"].to_dict() == {
        **dict.fromkeys("abd", "existing"),
        "c": reason,
    }


def test_a_permanent_failure_is_not_repeated(tmp_path):
    flaky = Flaky(LabelMapStore(tmp_path), "unreadable", {"a": 1, "b": 0})

    segments, _ = segment_scans([ScanToSegment(name, None, None) for name in "ab"], flaky, Ledger(None))

    assert flaky.read_scans == ["a", "b"]
    assert segments["status"].to_list() == ["unreadable", "existing"]


# Shards


def test_the_shards_contain_every_scan_once(study):
    scans = {f"s{number}": with_both(study.folder, f"s{number}", seed=number) for number in range(6)}
    parts = [study.segment(scans, shard=f"{shard}-of-3") for shard in (1, 2, 3)]
    expected = [[scan for scan in scans if shard_of(scan, 3) == shard] for shard in range(3)]

    assert [list(part.index) for part in parts] == expected
    assert sorted(pd.concat(parts).index) == sorted(scans)
    assert len([part for part in parts if len(part)]) > 1


@pytest.mark.parametrize("all_scans_excluded", [False, True])
def test_a_shard_without_scans_has_an_empty_table(study, caplog, all_scans_excluded):
    scans = {"a": with_both(study.folder, "a")}
    empty = next(f"{shard + 1}-of-3" for shard in range(3) if shard_of("a", 3) != shard)
    choice = {"criteria": ["complete"]} if all_scans_excluded else {"shard": empty}

    with caplog.at_level(logging.INFO):
        segments = study.segment(scans, **choice)

    assert len(segments) == 0
    assert caplog.messages[-1] == "0 scans: none; already finished: 0"
    assert len(pd.read_csv(study.folder / "benchmarks" / "times.csv")) == 0


# nnU-Net


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def images(tmp_path, model):
    """A study of CT volumes, with a model of random weights."""
    return Study(tmp_path, "nnunet", settings={**SETTINGS, "model": str(model)})


def three_scans(folder):
    save(folder / "a.nii.gz", hu(seed=1))
    BAD_CTS["one voxel that is not a number"].save(folder / "b.nii.gz")
    save(folder / "c.nii.gz", hu(seed=3))
    return {scan: {"ct_path": f"{scan}.nii.gz"} for scan in "abc"}


def test_a_ct_with_an_identity_affine_is_segmented_with_a_remark(images):
    save(images.folder / "a.nii.gz", hu(seed=1), np.eye(4))
    save(images.folder / "b.nii.gz", hu(seed=2))

    segments = images.segment({scan: {"ct_path": f"{scan}.nii.gz"} for scan in "ab"})

    assert segments["status"].to_list() == ["segmented", "segmented"]
    assert segments.loc["a", "detail"].startswith("the affine is the identity")
    assert pd.isna(segments.loc["b", "detail"])


def test_a_failed_scan_has_a_row_between_segmented_scans(images, model):
    segments = images.segment({**three_scans(images.folder), "d": {}, "e": {"ct_path": "e.nii.gz"}})

    assert segments["status"].to_list() == ["segmented", "bad_values", "segmented", "missing_file", "missing_file"]
    assert segments.loc["d", "detail"] == "the registry contains no ct_path"
    digest = model_set.digest_of(model_set.read({"model": str(model)}))
    assert segments.loc["a", "model"] == f"{model.name} {digest[:12]}"
    stored = read_labels(images.masks / "a.nii.gz")
    assert stored.grid.differs_from(read_labels(save(images.folder / "grid.nii.gz", labels())).grid) == ""
    assert set(np.unique(stored.data)) <= {0, *STRUCTURES.values()}
    assert LabelMapStore(images.masks).note_of("c").labels == STRUCTURES


def test_the_model_is_loaded_once_and_not_for_finished_scans(images, caplog):
    scans = three_scans(images.folder)
    with caplog.at_level(logging.INFO):
        first = images.segment(scans)
    assert sum("loaded on cpu" in message for message in caplog.messages) == 1
    before = images.stamps()
    caplog.clear()

    with caplog.at_level(logging.INFO):
        second = images.segment(scans)

    assert not any("loaded" in message for message in caplog.messages)
    assert caplog.messages[-1] == "3 scans: 1 bad_values, 2 segmented; already finished: 2"
    assert images.stamps() == before
    pd.testing.assert_frame_equal(second, first)


def test_a_changed_model_repeats_a_scan(images, tmp_path):
    scans = three_scans(images.folder)
    first = images.segment(scans)
    other = save_model(tmp_path / "other", seed=2)

    second = images.segment(scans, settings={**SETTINGS, "model": str(other)})

    assert first.loc["a", "mask_sha256"] != second.loc["a", "mask_sha256"]
    assert first.loc["a", "model"] != second.loc["a", "model"]


@pytest.mark.parametrize(("setting", "value", "again"), [("step_size", 0.8, True), ("shards", 5, False)])
def test_only_settings_that_change_labels_repeat_scans(images, model, setting, value, again):
    scans = three_scans(images.folder)
    images.segment(scans)
    before = images.stamps()

    images.segment(scans, settings={**SETTINGS, "model": str(model), setting: value})

    assert (images.stamps() != before) == again


def test_a_changed_ct_repeats_a_scan(images):
    scans = three_scans(images.folder)
    first = images.segment(scans)
    save(images.folder / "a.nii.gz", hu(seed=8))

    second = images.segment(scans)

    assert first.loc["a", "mask_sha256"] != second.loc["a", "mask_sha256"]
    assert first.loc["c", "mask_sha256"] == second.loc["c", "mask_sha256"]


def test_equal_scans_result_in_equal_bytes_in_another_folder(images, tmp_path, model):
    images.segment(three_scans(images.folder))
    (tmp_path / "other").mkdir()
    other = Study(tmp_path / "other", "nnunet", settings=images.options["settings"])

    other.segment(three_scans(other.folder))

    assert {path.name: path.read_bytes() for path in other.masks.iterdir()} == {
        path.name: path.read_bytes() for path in images.masks.iterdir()
    }


@pytest.mark.parametrize(
    ("model", "structures", "expected"),
    [
        ({"model": "missing"}, "demo", "segment.model: missing is neither a built-in model set (demo, "),
        ({}, "demo", "segment.model: this setting is missing, but engine nnunet requires a model set, such as"),
        (
            {"model": "demo"},
            "structures.csv",
            "segment.model: demo contains no structure of label set structures; its structures include",
        ),
    ],
)
def test_an_invalid_model_stops_the_run_before_the_first_scan(images, capsys, model, structures, expected):
    write_registry(three_scans(images.folder), images.folder)
    (images.folder / "structures.csv").write_text("label,structure,side,group,lower_bound_ml\n1,antler,,head,\n")
    label_set = str(images.folder / structures) if structures.endswith(".csv") else structures
    files = {"registry": "registry.csv", "masks": "masks", "out": "segments.parquet"}
    options = [word for name, path in files.items() for word in (f"--{name}", str(images.folder / path))]
    rest = ["--engine", "nnunet", "--structures", label_set, *config_option(segment=model, cohort={"criteria": []})]

    code = main(["segment", *options, *rest])

    assert code == 1
    assert capsys.readouterr().err.startswith(f"error in segment: {expected}")
    assert not images.masks.exists()


def test_the_label_map_of_an_oblique_scan_has_its_grid(images):
    turned = affine(turned_degrees=(5, 10, -15))
    save(images.folder / "a.nii.gz", hu(SHAPE, seed=1), turned)

    images.segment({"a": {"ct_path": "a.nii.gz"}})

    np.testing.assert_allclose(read_labels(images.masks / "a.nii.gz").grid.affine, turned, atol=1e-5)
