"""pydicom without its words: its warnings and log lines quote the header, and names with it."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("pydicom")


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Let pydicom neither warn nor log while the block runs; errors pass."""
    was_disabled = LOGGER.disabled
    LOGGER.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        LOGGER.disabled = was_disabled
