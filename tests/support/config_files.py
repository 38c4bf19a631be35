"""Configuration files with some sections, for commands that read one."""

import tempfile
from pathlib import Path
from typing import Any

import yaml

FOLDER = tempfile.TemporaryDirectory(prefix="ctpop-config-")


def config_file(**sections: Any) -> Path:
    """Write a configuration with these sections, and return its path."""
    with tempfile.NamedTemporaryFile("w", dir=FOLDER.name, suffix=".yaml", delete=False) as file:
        yaml.safe_dump(sections, file)
    return Path(file.name)


def config_option(**sections: Any) -> list[str]:
    """Write a configuration with these sections, and return the option that names it."""
    return ["--config", str(config_file(**sections))]
