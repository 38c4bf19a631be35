"""What the tests share.

- `support/`: modules that tests import (studies, drawn cohorts, volumes, DICOM files, small models, a Slurm cluster).
- `fixtures/`: fixtures that any test may ask for: the demo and a small study (`shared_studies`), Chromium (`browser`).
  Those of the Slurm cluster (`slurm`) are for `tests/slurm` alone.
- `data/`: real images and tables with their licences; nothing outside the repository is read.
"""

pytest_plugins = ["fixtures.browser", "fixtures.counting", "fixtures.scheduling", "fixtures.shared_studies"]
