"""Numbers of Hypothesis examples for the properties in `properties/`, which are larger in `make test-all`.

The sample of each run is fixed. The environment variable `LAW_EXAMPLES` is a factor for the numbers of examples.
"""

import os

from hypothesis import settings

TIMES = int(os.environ.get("LAW_EXAMPLES", "1"))


def law(examples: int) -> settings:
    """Return the settings of a property with the given number of examples, which are the same in each run."""
    return settings(deadline=None, max_examples=TIMES * examples, derandomize=True)
