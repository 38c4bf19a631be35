"""Progress is a bar on a terminal; otherwise, it is logged once per minute and at the end."""

import logging

import pytest

from ctpop.foundation import progress
from ctpop.foundation.progress import Progress

LOG = logging.getLogger("ctpop.test")


@pytest.fixture
def clock(monkeypatch, caplog):
    """A clock that tests set; `caplog` captures the log."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    caplog.set_level(logging.INFO)
    return now


def test_a_log_has_a_line_per_minute_and_a_final_line(clock, caplog):
    running = Progress(LOG, 100, "scans")
    for _ in range(100):
        clock[0] += 15
        running.add()

    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 25
    assert lines[0] == "4 of 100 scans, 15.0 s each, 24 min left"
    assert lines[-2:] == ["96 of 100 scans, 15.0 s each, 60 s left", "100 of 100 scans in 25 min"]


def test_a_line_ends_with_a_remark_and_items_can_be_added_in_batches(clock, caplog):
    running = Progress(LOG, 1000, "headers")
    clock[0] += 60
    running.add(900, "3 MB")
    running.add(100, "4 MB")

    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["900 of 1000 headers, 7 s left, 3 MB", "1000 of 1000 headers in 60 s, 4 MB"]


def test_a_terminal_shows_a_bar_and_the_log_has_no_line(clock, caplog, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    running = Progress(LOG, 4, "scans")
    for _ in range(4):
        clock[0] += 1
        running.add()

    first, *_, last = capsys.readouterr().err.split("\r")[1:]
    assert first.startswith(f"[{'#' * 10}{'.' * 30}] 1 of 4 scans, 1.0 s each, 3 s left")
    assert last == f"[{'#' * 40}] 4 of 4 scans in 4 s   \n"
    assert not caplog.records
