"""A real browser: Chromium as the system has it, without a network, and without a screen."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
MISSING = (
    "NOT TESTED: the pages in a browser. No Chromium was found (chromium, google-chrome, or the variable CHROMIUM);"
    " install it with `make browser` as root, or with your system's packages"
)


@pytest.fixture(scope="module")
def browser():
    """Chromium for the tests of a file: two engines at once, of two folders of tests, would not start."""
    found = os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)
    if not found:
        pytest.skip(MISSING)
    with sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=found, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A fresh page; the test fails on an error of a script, a message of the console that tells one, or a dialog."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    opened = context.new_page()
    problems = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
    opened.set_default_timeout(30_000)
    yield opened
    context.close()
    assert problems == []
