"""Which tests two processes (`pytest -n 2`, as in `make test`) may share out between them."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TOGETHER = ("slurm", "workflow")  # one cluster at a time, one run of the demo for all; the longest ones first


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests together that share a fixture that is dear: those of these folders, and those of each other file."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(TESTS).parts[0]
        return TOGETHER.index(folder) if folder in TOGETHER else len(TOGETHER)

    items.sort(key=rank)
    for item in items:
        place = item.path.relative_to(TESTS)
        item.add_marker(pytest.mark.xdist_group(place.parts[0] if place.parts[0] in TOGETHER else str(place)))
