"""Tests of the label map store: a map is finished only if its note and its bytes match."""

import gzip
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ctpop.foundation.errors import ContractError, ScanError
from ctpop.foundation.files import remove_half_written
from ctpop.imaging.images import read_labels
from ctpop.imaging.label_map_file import label_table
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore, fingerprint_of
from support.volumes import affine, damage, flip_byte, labels, save

KEY = fingerprint_of(ct="c", model="m")
LABELS = {"spleen": 1, "liver": 2}


@pytest.fixture
def drawn(tmp_path):
    """A label map that is not yet in a store."""
    return read_labels(save(tmp_path / "drawn.nii.gz", labels()))


@pytest.fixture
def store(tmp_path, drawn):
    """A store with one finished label map."""
    store = LabelMapStore(tmp_path / "masks")
    store.keep("s1", drawn, LabelMapNote(KEY, "", LABELS, "model 1", "a remark"))
    return store


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_stored_label_map_is_finished(store):
    note = store.finished("s1", KEY)

    assert (note.fingerprint, note.labels, note.model, note.detail) == (KEY, LABELS, "model 1", "a remark")
    assert note.mask_sha256 == hashlib.sha256((store.folder / "s1.nii.gz").read_bytes()).hexdigest()
    np.testing.assert_array_equal(read_labels(store.mask_path("s1")).data, labels())


def test_the_note_contains_the_labels(store):
    assert store.note_of("s1").labels == LABELS


def test_the_label_map_contains_the_label_names(store):
    extensions = nib.load(store.mask_path("s1")).header.extensions

    assert extensions[0].get_content() == label_table(LABELS)


def test_the_store_contains_two_files_per_scan(store):
    assert names(store.folder) == ["s1.json", "s1.nii.gz"]


def test_equal_labels_and_notes_result_in_equal_bytes(store, drawn):
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}

    store.keep("s1", drawn, LabelMapNote(KEY, "", dict(reversed(LABELS.items())), "model 1", "a remark"))

    assert {path.name: path.read_bytes() for path in store.folder.iterdir()} == before


def test_a_map_compressed_by_an_older_version_remains_finished(store):
    plain = nib.Nifti1Image(labels(), affine()).to_bytes()  # without names, and compressed by another library
    store.mask_path("s1").write_bytes(gzip.compress(plain))
    note = json.loads(store.note_path("s1").read_text())
    checksum = hashlib.sha256(store.mask_path("s1").read_bytes()).hexdigest()
    store.note_path("s1").write_text(json.dumps({**note, "mask_sha256": checksum}))

    assert store.finished("s1", KEY).labels == LABELS


def test_another_scan_is_not_finished(store):
    assert store.finished("s2", KEY) is None


def test_another_fingerprint_is_not_finished(store):
    assert store.finished("s1", fingerprint_of(ct="c", model="other")) is None


def test_a_label_map_without_a_note_is_not_finished(store):
    store.note_path("s1").unlink()

    assert store.finished("s1", KEY) is None


def test_a_note_without_a_label_map_is_not_finished(store):
    store.mask_path("s1").unlink()

    assert store.finished("s1", KEY) is None


def test_a_label_map_with_one_changed_byte_is_not_finished(store):
    damage(store.mask_path("s1"), flip_byte)

    assert store.finished("s1", KEY) is None


def test_a_folder_with_the_path_of_a_map_or_note_is_not_finished(store):
    for path in (store.mask_path("s1"), store.note_path("s1")):
        path.unlink()
        path.mkdir()

        assert store.finished("s1", KEY) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[]", b"7", b'{"format": 1}', b'{"format": 1, "fingerprint": "x", "unknown": 1}'],
)
def test_a_damaged_note_is_ignored(store, content):
    store.note_path("s1").write_bytes(content)

    assert store.note("s1") is None
    assert store.finished("s1", KEY) is None


def test_an_older_note_without_shared_voxels_is_read(store):
    values = json.loads(store.note_path("s1").read_text())
    del values["shared"]
    store.note_path("s1").write_text(json.dumps(values))

    assert store.finished("s1", KEY).shared is None


def test_a_note_contains_the_counts_of_shared_voxels(store, drawn):
    store.keep("s1", drawn, LabelMapNote(KEY, "", LABELS, shared={"spleen": 3, "liver": 3}))

    assert store.note_of("s1").shared == {"spleen": 3, "liver": 3}


def test_a_note_of_another_format_version_is_ignored(store):
    values = json.loads(store.note_path("s1").read_text())
    store.note_path("s1").write_text(json.dumps({**values, "format": 2}))

    assert store.finished("s1", KEY) is None


def test_a_missing_note_of_a_segmented_scan_is_an_error(store):
    with pytest.raises(ContractError) as refused:
        store.note_of("s2")

    expected = f"{store.folder / 's2.json'} is missing or damaged; run the segment stage again"
    assert str(refused.value) == expected


def test_a_fingerprint_depends_on_all_parts_but_not_on_their_order():
    assert fingerprint_of(ct="1", model="2") == fingerprint_of(model="2", ct="1")
    assert len({fingerprint_of(ct=a, model=b, step_size=c) for a in "12" for b in "12" for c in (0.5, 0.8)}) == 8


def test_the_fingerprint_of_a_scan_without_a_ct_is_different():
    assert fingerprint_of(ct=None) != fingerprint_of(ct="None")


def test_a_stored_map_has_the_grid_of_its_image(store):
    np.testing.assert_array_equal(read_labels(store.mask_path("s1")).grid.affine, affine())


# Failures to write


def part_of(path):
    """Return the path of the temporary file that this process writes before renaming it to `path`."""
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.part")


def error_of_keep(store, drawn, scan_id="s1"):
    with pytest.raises(ScanError) as refused:
        store.keep(scan_id, drawn, LabelMapNote("new", "", LABELS))
    return refused.value


def test_a_failed_write_leaves_no_note_and_no_temporary_file(tmp_path, drawn):
    store = LabelMapStore(tmp_path / "masks")
    store.mask_path("s1").mkdir(parents=True)  # a folder has the path of the map

    error = error_of_keep(store, drawn)

    assert (error.reason, error.detail) == ("not_written", "s1.nii.gz: Is a directory")
    assert names(store.folder) == ["s1.nii.gz"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="requires /dev/full")
@pytest.mark.parametrize("kind", ["nii.gz", "json"])
def test_a_full_disk_is_reported_and_the_scan_is_not_finished(store, drawn, kind):
    part_of(store.folder / f"s1.{kind}").symlink_to("/dev/full")

    error = error_of_keep(store, drawn)

    assert (error.reason, error.detail) == ("not_written", f"s1.{kind}: No space left on device")
    assert names(store.folder) == ["s1.json", "s1.nii.gz"]
    assert store.finished("s1", "new") is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="requires /dev/full")
def test_a_full_disk_does_not_change_the_previous_map(store, drawn):
    part_of(store.mask_path("s1")).symlink_to("/dev/full")

    error_of_keep(store, drawn)

    assert store.finished("s1", KEY).labels == LABELS


def test_a_map_above_the_file_size_limit_is_reported_and_a_smaller_map_is_written(tmp_path):
    limited = """
import resource, sys
from pathlib import Path
import numpy as np
from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import Grid, Volume
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
store = LabelMapStore(Path(sys.argv[1]))
for edge in (100, 20):
    drawn = np.random.default_rng(1).integers(0, 256, (edge, edge, edge), np.uint8)
    try:
        store.keep(f"s{edge}", Volume(drawn, Grid(drawn.shape, np.eye(4)), np.eye(4)), LabelMapNote("key", "", {}))
    except ScanError as error:
        print(error)
"""
    folder = tmp_path / "masks"

    done = subprocess.run([sys.executable, "-c", limited, folder], capture_output=True, text=True, check=True)

    assert done.stdout == "not_written: s100.nii.gz: File too large\n"
    assert names(folder) == ["s20.json", "s20.nii.gz"]


@pytest.mark.skipif(not Path("/proc/version").is_file(), reason="requires a read-only folder in /proc")
def test_a_read_only_folder_is_reported_without_its_name(drawn):
    error = error_of_keep(LabelMapStore(Path("/proc/self/fdinfo")), drawn)

    assert error.reason == "not_written"
    assert error.detail.startswith("s1.nii.gz: ")
    assert "proc" not in error.detail


def test_a_file_with_the_path_of_the_store_is_reported(tmp_path, drawn):
    (tmp_path / "masks").write_text("")

    error = error_of_keep(LabelMapStore(tmp_path / "masks"), drawn)

    assert (error.reason, error.detail) == ("not_written", "s1.nii.gz: File exists")


# Kill during writing

WRITER = """
import sys
from pathlib import Path
import numpy as np
from ctpop.imaging.images import Grid, Volume
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
drawn = np.random.default_rng(1).integers(0, 256, (512, 512, 256), np.uint8)
drawn = Volume(drawn, Grid(drawn.shape, np.eye(4)), np.eye(4))
while True:
    LabelMapStore(Path(sys.argv[1])).keep("s1", drawn, LabelMapNote("new", "", {}))
"""


def kill_during_writing(folder):
    """Start a process that writes label maps of 64 MB to a store, and kill it during writing."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, folder])
    part = folder / f".s1.nii.gz.{platform.node()}.{writer.pid}.part"
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size > 1 << 20):
        assert time.monotonic() < deadline
        assert writer.poll() is None
        time.sleep(0.001)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    assert part.is_file()  # otherwise the process was killed too late, and the test is meaningless
    return part


def test_a_kill_during_writing_keeps_the_previous_map_and_leaves_a_removable_temporary_file(store):
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}

    part = kill_during_writing(store.folder)

    assert names(store.folder) == sorted([part.name, *before])
    assert {name: (store.folder / name).read_bytes() for name in before} == before
    assert store.finished("s1", KEY).labels == LABELS
    remove_half_written(store.folder)
    assert names(store.folder) == sorted(before)


def test_a_kill_during_writing_of_a_new_map_leaves_no_map(tmp_path, drawn):
    store = LabelMapStore(tmp_path / "masks")
    store.folder.mkdir()

    part = kill_during_writing(store.folder)

    assert names(store.folder) == [part.name]
    assert store.finished("s1", "new") is None
    remove_half_written(store.folder)
    store.keep("s1", drawn, LabelMapNote("new", "", LABELS))
    assert store.finished("s1", "new").labels == LABELS
    assert names(store.folder) == ["s1.json", "s1.nii.gz"]
