"""Tests of the pipeline: concurrent steps, order of scans, and memory of one scan per step."""

import threading
import time
import weakref

import pytest

from ctpop.foundation.errors import ScanError
from ctpop.imaging.label_map_store import LabelMapNote
from ctpop.stages.segment.pipeline import STEPS, attempts
from ctpop.stages.segment.sources import ScanToSegment

PATIENCE_SECONDS = 20


def scans(number):
    return [ScanToSegment(f"s{n}", None, None) for n in range(number)]


def note(scan_id):
    return LabelMapNote(fingerprint=scan_id, mask_sha256="", labels={})


ALIVE = weakref.WeakSet()


class Voxels:
    """A placeholder for the volume of a scan."""

    def __init__(self, scan_id):
        self.scan_id = scan_id
        ALIVE.add(self)


class Recorder:
    """A source of label maps that records its state, and fails or waits at specified steps."""

    status = "segmented"

    def __init__(self, fail=(), finished=(), wait=None):
        self.fail = dict(fail)
        self.finished = finished
        self.wait = wait or (lambda step, scan_id: None)
        self.most_alive = 0

    def _step(self, step, scan_id):
        self.wait(step, scan_id)
        self.most_alive = max(self.most_alive, len(ALIVE))
        error = self.fail.get((step, scan_id))
        if error:
            raise error

    def read(self, scan):
        self._step("read", scan.scan_id)
        return note(scan.scan_id) if scan.scan_id in self.finished else Voxels(scan.scan_id)

    def predict(self, voxels):
        self._step("predict", voxels.scan_id)
        return voxels.scan_id

    def write(self, scan_id):
        self._step("write", scan_id)
        return note(scan_id)


def test_scans_are_in_order_with_notes_and_run_times():
    found = list(attempts(scans(5), Recorder()))

    assert [attempt.scan.scan_id for attempt in found] == ["s0", "s1", "s2", "s3", "s4"]
    assert [attempt.note.fingerprint for attempt in found] == ["s0", "s1", "s2", "s3", "s4"]
    assert all(tuple(attempt.seconds) == STEPS and attempt.error is None and not attempt.reused for attempt in found)


def test_without_scans_there_are_no_attempts():
    assert list(attempts([], Recorder())) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_failed_scan_does_not_affect_other_scans(step):
    error = ScanError("unreadable", "truncated")

    found = list(attempts(scans(3), Recorder(fail={(step, "s1"): error})))

    assert [attempt.error and str(attempt.error) for attempt in found] == [None, str(error), None]
    assert list(found[1].seconds) == list(STEPS[: STEPS.index(step) + 1])
    assert found[1].note is None
    assert found[2].note.fingerprint == "s2"


@pytest.mark.parametrize("step", STEPS)
def test_a_scan_that_exceeds_the_memory_at_any_step_has_a_reason(step):
    found = list(attempts(scans(3), Recorder(fail={(step, "s1"): MemoryError("out of memory")})))

    assert [attempt.error and attempt.error.reason for attempt in found] == [None, "out_of_memory", None]
    assert found[1].error.detail == "out of memory"


@pytest.mark.parametrize("step", STEPS)
def test_a_programming_error_at_any_step_stops_the_program(step):
    with pytest.raises(ZeroDivisionError):
        list(attempts(scans(3), Recorder(fail={(step, "s1"): ZeroDivisionError()})))


def test_a_finished_scan_is_not_predicted_again():
    found = list(attempts(scans(3), Recorder(finished=["s1"], fail={("predict", "s1"): ZeroDivisionError()})))

    assert [attempt.reused for attempt in found] == [False, True, False]
    assert list(found[1].seconds) == ["read"]


def test_the_three_steps_run_concurrently():
    together = threading.Barrier(3)  # passed only if three steps run at the same time
    met = {("write", "s0"), ("predict", "s1"), ("read", "s2")}

    def wait(step, scan_id):
        if (step, scan_id) in met:
            together.wait(PATIENCE_SECONDS)

    found = list(attempts(scans(3), Recorder(wait=wait)))

    assert len(found) == 3
    assert not together.broken


def test_the_number_of_volumes_in_memory_is_limited():
    recorder = Recorder(wait=lambda step, scan_id: time.sleep(0.005))
    ALIVE.clear()  # removes objects in tracebacks of other tests

    assert len(list(attempts(scans(50), recorder))) == 50
    assert (
        1 <= recorder.most_alive <= 3
    )  # the predicted scan, the next scan, and a scan that a thread is about to release
