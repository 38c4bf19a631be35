"""Shared parts of the tests.

- `support/`: modules that tests import (studies, drawn cohorts, volumes, DICOM files, small models, a Slurm cluster).
- `fixtures/`: fixtures for all tests, such as the demo and a small study (`shared_studies`) and Chromium (`browser`).
  Only `tests/slurm` uses the fixtures of the Slurm cluster (`slurm`).
- `data/`: real images and tables with their licenses. Tests read no files outside the repository.
"""

pytest_plugins = ["fixtures.browser", "fixtures.counting", "fixtures.scheduling", "fixtures.shared_studies"]
