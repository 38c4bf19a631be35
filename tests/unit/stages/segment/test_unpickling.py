"""Tests of reading nnU-Net v1 pickle files: permitted types are read, other names are rejected without execution."""

import os
import pickle
import pickletools
import shutil
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest

from ctpop.foundation.errors import ContractError
from ctpop.stages.segment.v1.unpickling import read_pickle
from support.v1_model import MODEL, TASK


class Call:
    """An object whose pickle calls a function when loaded."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def saved(folder, values, protocol=4):
    path = folder / "plans.pkl"
    path.write_bytes(pickle.dumps(values, protocol))
    return path


def refusal_of(path):
    with pytest.raises(ContractError) as refused:
        read_pickle(path)
    return str(refused.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_types_of_v1_files_are_read_in_every_protocol(protocol, tmp_path):
    values = OrderedDict(
        {
            0: [np.float64(1.5), np.int64(3), np.bool_(True)],
            "patch": np.array([128, 128, 64]),
            "spacing": np.array([1.5, 1.5, 3.0], np.float32),
            "names": {1, 2},
            "nothing": (None, True, "text", 2.5, b"bytes"),
        }
    )

    found = read_pickle(saved(tmp_path, values, protocol))

    assert isinstance(found, OrderedDict)
    np.testing.assert_equal(found, values)


def test_a_file_written_by_v1_is_read():
    found = read_pickle(TASK / MODEL / "plans.pkl")

    assert found["plans_per_stage"][0]["patch_size"].tolist() == [16, 16, 16]
    assert found["dataset_properties"]["intensityproperties"][0]["percentile_99_5"] == pytest.approx(990, abs=5)


def test_module_names_of_numpy_1_are_accepted(tmp_path):
    path = saved(tmp_path, np.array([1.0, 2.0]), 2)
    path.write_bytes(path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))

    assert b"numpy.core" in path.read_bytes()
    assert read_pickle(path).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda mark: Call(os.system, f"touch {mark}"), ".system"),
        (lambda mark: Call(eval, f"__import__('os').mkdir({str(mark)!r})"), ".eval"),
        (lambda mark: Call(shutil.copy, __file__, str(mark)), "shutil.copy"),
        (lambda mark: Call(Path.touch, mark), "getattr"),
        (lambda mark: [np.array([Call(os.mkdir, str(mark))], object)], ".mkdir"),
        (lambda mark: {"deep": [{"down": Call(exec, f"__import__('os').mkdir({str(mark)!r})")}]}, ".exec"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_file_with_a_call_is_rejected_without_execution(call, named, protocol, tmp_path):
    mark = tmp_path / "mark"
    path = saved(tmp_path, call(mark), protocol)

    message = refusal_of(path)

    assert message.startswith(f"{path} is not a safe pickle file: it contains ")
    assert named in message or "pathlib" in message
    assert not mark.exists()
    try:  # check that the pickle would be executed without the restriction
        pickle.loads(path.read_bytes())
    finally:
        assert mark.exists()


@pytest.mark.parametrize(
    "values", [defaultdict(list), ValueError("x"), Path("x"), np.random.RandomState(1), np.float64]
)
def test_harmless_types_that_models_do_not_require_are_rejected(values, tmp_path):
    assert "which nnU-Net v1 models do not require" in refusal_of(saved(tmp_path, values))


def test_only_the_encoding_of_bytes_is_permitted(tmp_path):
    import codecs

    path = saved(tmp_path, Call(codecs.encode, "text", "rot13"), 2)

    assert "encoding 'rot13' is not permitted" in refusal_of(path)


def test_a_name_with_dots_is_rejected(tmp_path):
    path = tmp_path / "plans.pkl"
    path.write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x13ndarray.__class__.x\x93.")
    assert [code.name for code, _, _ in pickletools.genops(path.read_bytes())][-2:] == ["STACK_GLOBAL", "STOP"]

    assert "numpy.ndarray.__class__.x" in refusal_of(path)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x80\x04]", b"(" * 100_000, b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff"]
)
def test_a_file_that_is_not_a_pickle_file_is_rejected(content, tmp_path):
    path = tmp_path / "plans.pkl"
    path.write_bytes(content)

    assert refusal_of(path).startswith(f"{path} is not a safe pickle file: ")


def test_a_missing_file_is_reported(tmp_path):
    assert "No such file" in refusal_of(tmp_path / "plans.pkl")
