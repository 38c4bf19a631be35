"""Files that ship with the package: schemas, label sets, rule sets, fonts and templates of pages."""

from importlib import resources
from pathlib import Path


def resource(*parts: str) -> Path:
    """Return the path of a file or folder of `ctpop/resources`, wherever the package is installed.

    Examples
    --------
    >>> resource("schemas", "config.schema.yaml").is_file()
    True

    """
    return Path(str(resources.files("ctpop"))).joinpath("resources", *parts)
