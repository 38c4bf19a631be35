"""Suppression of the messages of pydicom: its warnings and log lines quote the header, including names."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("pydicom")


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Suppress warnings and log messages of pydicom within the block; errors are raised."""
    was_disabled = LOGGER.disabled
    LOGGER.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        LOGGER.disabled = was_disabled
