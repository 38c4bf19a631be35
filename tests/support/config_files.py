"""Temporary study files with selected sections, for tests of commands."""

import tempfile
from pathlib import Path
from typing import Any

import yaml

FOLDER = tempfile.TemporaryDirectory(prefix="ctpop-config-")


def config_file(**sections: Any) -> Path:
    """Write a study file with the given sections and return its path."""
    with tempfile.NamedTemporaryFile("w", dir=FOLDER.name, suffix=".yaml", delete=False) as file:
        yaml.safe_dump(sections, file)
    return Path(file.name)


def config_option(**sections: Any) -> list[str]:
    """Write a study file with the given sections and return the command-line option for this file."""
    return ["--config", str(config_file(**sections))]
