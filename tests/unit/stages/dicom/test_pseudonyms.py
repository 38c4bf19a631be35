"""Tests of pseudonyms: they depend only on key and identifier, and only the owner can read the key."""

import hmac
import stat

import pytest

from ctpop.foundation.errors import ContractError
from ctpop.stages.dicom import pseudonyms
from ctpop.stages.dicom.pseudonyms import Pseudonyms, key_of, open_private, read_key

KEY = bytes(range(32))


def test_a_pseudonym_is_the_keyed_hash_of_kind_and_identifier():
    expected = hmac.new(KEY, b"patient\x00P1\x00", "sha256").hexdigest()[:32]

    assert Pseudonyms(KEY).digest("patient", "P1", "") == expected


def test_key_kind_and_boundaries_change_the_pseudonym():
    one = Pseudonyms(KEY)
    found = [
        one.digest("patient", "P1"),
        Pseudonyms(bytes(32)).digest("patient", "P1"),
        one.digest("exam", "P1"),
        one.digest("patient", "P", "1"),
        one.digest("patient", "P1", ""),
    ]

    assert len(set(found)) == 5


def test_ids_are_valid_file_names():
    names = [Pseudonyms(KEY).name(kind, "x") for kind in ("scan", "patient", "exam")]

    assert [name[0] for name in names] == ["s", "p", "e"]
    assert all(len(name) == 17 and set(name[1:]) <= set("0123456789abcdef") for name in names)


def test_date_shifts_are_specific_to_the_patient():
    one = Pseudonyms(KEY)

    assert one.shift_days("a") == one.shift_days("a")
    assert len({one.shift_days(str(number)) for number in range(50)}) > 45


def test_the_key_is_generated_once_with_private_permissions(tmp_path):
    private = open_private(tmp_path / "private")

    key = key_of(private)

    assert len(key) == 32
    assert key_of(private) == key == read_key(private)
    assert stat.S_IMODE((private / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert (private / ".gitignore").read_text() == "*\n"
    assert key_of(open_private(tmp_path / "other")) != key


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32, "00" * 31, "\x00"])
def test_an_invalid_key_file_is_rejected_and_not_changed(tmp_path, content):
    private = open_private(tmp_path / "private")
    (private / "key").write_text(content)

    with pytest.raises(ContractError, match="64 hexadecimal digits"):
        key_of(private)

    assert (private / "key").read_text() == content


def test_a_private_folder_inside_results_is_rejected(tmp_path):
    with pytest.raises(ContractError, match="the private folder is inside a folder `results`"):
        open_private(tmp_path / "results" / "study" / "private")

    assert not (tmp_path / "results").exists()


def test_private_files_are_accessible_to_the_owner_only(tmp_path):
    path = tmp_path / "link.csv"
    path.write_text("old")
    path.chmod(0o644)

    pseudonyms.write_privately(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
