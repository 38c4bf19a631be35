"""Where tests run side by side, the longest start first; those of a file, or of a shared study, stay in one process."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SHARED_STUDIES = ("demo", "small")  # tests/workflow/conftest.py: minutes to make


def pytest_collection_modifyitems(items):
    for item in items:
        shared = [study for study in SHARED_STUDIES if study in item.fixturenames]
        item.add_marker(pytest.mark.xdist_group(shared[0] if shared else str(item.path.relative_to(TESTS))))
    items.sort(key=lambda item: "workflow" not in item.path.parts)
