"""Two studies that many tests look at: the whole demo, and a small one."""

import pytest

from chromium import browser, page
from studies import Study, demo_config, draw_cohort

__all__ = ["browser", "demo", "page", "small", "small_cohort"]


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The embedded demo, run as a user runs it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("demo")
    draw_cohort(folder / "cohort", people=40)
    study = Study(folder, demo_config(folder / "cohort", dpi=300))
    study.run()
    return study


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory):
    """Twelve people, nine of whom enter the study."""
    folder = tmp_path_factory.mktemp("small_cohort")
    draw_cohort(folder, people=12)
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory, small_cohort):
    """A study of twelve people that ran undisturbed."""
    config = demo_config(small_cohort)
    config["aging"]["n_min"] = 5
    config["segment"]["shards"] = 2
    study = Study(tmp_path_factory.mktemp("small"), config)
    study.run()
    return study
