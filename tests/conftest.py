"""Where tests run side by side, the longest start first; those of a file, or of a shared study, stay in one process."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SHARED_STUDIES = ("demo", "small")  # tests/workflow/conftest.py: minutes to make


def pytest_itemcollected(item):
    """Name the group of a test; once all are collected it is too late, since pytest-xdist comes first there."""
    shared = [study for study in SHARED_STUDIES if study in item.fixturenames]
    item.add_marker(pytest.mark.xdist_group(shared[0] if shared else str(item.path.relative_to(TESTS))))


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: "workflow" not in item.path.parts)
