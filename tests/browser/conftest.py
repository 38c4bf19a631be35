"""The tests of pages look at them in a real browser."""

from chromium import browser, page

__all__ = ["browser", "page"]
