"""How often Hypothesis tries the laws of `properties/`: a fixed sample in each run, a larger one in `make test-all`.

Both try the same law on the same kinds of data. The environment variable `LAW_EXAMPLES` says how many times as many
examples a run tries.
"""

import os

from hypothesis import settings

TIMES = int(os.environ.get("LAW_EXAMPLES", "1"))


def law(examples: int) -> settings:
    """Return the settings of a law that is tried on so many examples, the same in each run."""
    return settings(deadline=None, max_examples=TIMES * examples, derandomize=True)
