"""A label map in the store is finished when its note and its bytes say so, and otherwise is made again."""

import hashlib
import json

import numpy as np
import pytest

from ctpop.errors import ContractError
from ctpop.images import read_labels
from ctpop.segmentation.store import Note, Store, fingerprint_of
from volumes import affine, damage, flip_byte, labels, save

KEY = fingerprint_of(ct="c", model="m")
LABELS = {"spleen": 1, "liver": 2}


@pytest.fixture
def like(tmp_path):
    return read_labels(save(tmp_path / "like.nii.gz", labels()))


@pytest.fixture
def store(tmp_path, like):
    """A store with one finished label map."""
    store = Store(tmp_path / "masks")
    store.keep("s1", labels(), like, Note(KEY, "", LABELS, "model 1", "a remark"))
    return store


def test_a_label_map_that_was_kept_is_finished(store):
    note = store.finished("s1", KEY)

    assert (note.fingerprint, note.labels, note.model, note.detail) == (KEY, LABELS, "model 1", "a remark")
    assert note.mask_sha256 == hashlib.sha256((store.folder / "s1.nii.gz").read_bytes()).hexdigest()
    np.testing.assert_array_equal(read_labels(store.mask_path("s1")).data, labels())


def test_the_labels_of_a_kept_map_are_those_of_its_note(store):
    assert store.labels_of("s1") == LABELS


def test_there_are_two_files_per_scan_and_nothing_else(store):
    assert sorted(path.name for path in store.folder.iterdir()) == ["s1.json", "s1.nii.gz"]


def test_the_same_labels_and_note_give_the_same_bytes(store, like):
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}

    store.keep("s1", labels(), like, Note(KEY, "", dict(reversed(LABELS.items())), "model 1", "a remark"))

    assert {path.name: path.read_bytes() for path in store.folder.iterdir()} == before


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


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[]", b"7", b'{"format": 1}', b'{"format": 1, "fingerprint": "x", "unknown": 1}'],
)
def test_a_damaged_note_is_no_note(store, content):
    store.note_path("s1").write_bytes(content)

    assert store.note("s1") is None
    assert store.finished("s1", KEY) is None


def test_a_note_of_another_format_is_no_note(store):
    values = json.loads(store.note_path("s1").read_text())
    store.note_path("s1").write_text(json.dumps({**values, "format": 2}))

    assert store.finished("s1", KEY) is None


def test_the_labels_of_a_scan_without_a_note_stop_the_run(store):
    with pytest.raises(ContractError) as refused:
        store.labels_of("s2")

    expected = f"{store.folder / 's2.json'}: is missing or damaged; run the segment stage again"
    assert str(refused.value) == expected


def test_a_map_that_cannot_be_written_leaves_no_note_and_no_part(tmp_path, like):
    store = Store(tmp_path / "masks")
    store.mask_path("s1").mkdir(parents=True)  # something stands in its place

    with pytest.raises(OSError, match="s1"):
        store.keep("s1", labels(), like, Note(KEY, "", LABELS))

    assert [path.name for path in store.folder.iterdir()] == ["s1.nii.gz"]


def test_a_fingerprint_depends_on_every_part_and_not_on_their_order():
    assert fingerprint_of(ct="1", model="2") == fingerprint_of(model="2", ct="1")
    assert len({fingerprint_of(ct=a, model=b, step_size=c) for a in "12" for b in "12" for c in (0.5, 0.8)}) == 8


def test_a_scan_without_a_ct_has_another_fingerprint_than_one_with():
    assert fingerprint_of(ct=None) != fingerprint_of(ct="None")


def test_the_grid_of_the_kept_map_is_that_of_its_image(store):
    np.testing.assert_array_equal(read_labels(store.mask_path("s1")).grid.affine, affine())
