"""Pickles of nnU-Net v1 give numbers, text and containers; whatever else they name is refused and not run."""

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
    """Pickles to the call of a function."""

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
def test_what_v1_writes_is_read_in_every_protocol(protocol, tmp_path):
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


def test_what_v1_itself_wrote_is_read():
    found = read_pickle(TASK / MODEL / "plans.pkl")

    assert found["plans_per_stage"][0]["patch_size"].tolist() == [16, 16, 16]
    assert found["dataset_properties"]["intensityproperties"][0]["percentile_99_5"] == pytest.approx(990, abs=5)


def test_numpy_1_called_its_modules_otherwise(tmp_path):
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
def test_a_pickle_that_would_run_something_is_refused_by_name_and_not_run(call, named, protocol, tmp_path):
    mark = tmp_path / "mark"
    path = saved(tmp_path, call(mark), protocol)

    told = refusal_of(path)

    assert told.startswith(f"{path}: refused as a pickle: it names ")
    assert named in told or "pathlib" in told
    assert not mark.exists()
    try:  # the same pickle does run where it is trusted, or this test proves nothing
        pickle.loads(path.read_bytes())
    finally:
        assert mark.exists()


@pytest.mark.parametrize(
    "values", [defaultdict(list), ValueError("x"), Path("x"), np.random.RandomState(1), np.float64]
)
def test_harmless_things_that_no_model_needs_are_refused_too(values, tmp_path):
    assert "which a model of nnU-Net v1 does not need" in refusal_of(saved(tmp_path, values))


def test_only_the_encoding_of_bytes_is_admitted(tmp_path):
    import codecs

    path = saved(tmp_path, Call(codecs.encode, "text", "rot13"), 2)

    assert "encoding 'rot13' is not needed" in refusal_of(path)


def test_a_name_with_dots_does_not_lead_out_of_an_admitted_module(tmp_path):
    path = tmp_path / "plans.pkl"
    path.write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x13ndarray.__class__.x\x93.")
    assert [code.name for code, _, _ in pickletools.genops(path.read_bytes())][-2:] == ["STACK_GLOBAL", "STOP"]

    assert "numpy.ndarray.__class__.x" in refusal_of(path)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x80\x04]", b"(" * 100_000, b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff"]
)
def test_what_is_no_pickle_is_refused(content, tmp_path):
    path = tmp_path / "plans.pkl"
    path.write_bytes(content)

    assert refusal_of(path).startswith(f"{path}: refused as a pickle: ")


def test_a_missing_file_is_told(tmp_path):
    assert "No such file" in refusal_of(tmp_path / "plans.pkl")
