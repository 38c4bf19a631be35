"""Files that ship with the package: schemas, label sets, rule sets, fonts, and page templates."""

from importlib import resources
from pathlib import Path


def resource(*parts: str) -> Path:
    """Return the path of a file or folder in `ctpop/resources` of the installed package.

    Examples
    --------
    >>> resource("schemas", "config.schema.yaml").is_file()
    True

    """
    return Path(str(resources.files("ctpop"))).joinpath("resources", *parts)
