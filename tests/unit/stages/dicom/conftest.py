"""What tests of the commands `index` and `convert` share."""

import pytest

from support.dicom_workplace import Workplace


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return an empty folder in which the commands run."""
    monkeypatch.chdir(tmp_path)
    return Workplace(tmp_path)
