"""Fixtures for tests of the commands `index` and `convert`."""

import pytest

from support.dicom_workplace import Workplace


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return an empty working folder for the commands."""
    monkeypatch.chdir(tmp_path)
    return Workplace(tmp_path)
