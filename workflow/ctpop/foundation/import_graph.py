"""The modules of this package that a command imports, directly or indirectly, determined from their source code.

Snakemake compares the files and parameters of a rule and does not detect changes in imported modules. The rules
therefore list the modules of their command as input files, or use a digest of the modules if a rule has many jobs.
"""

import ast
import json
from contextlib import suppress
from pathlib import Path

from ctpop.foundation.digests import of_bytes, of_json, short
from ctpop.foundation.errors import count
from ctpop.foundation.files import write_text

PACKAGE = Path(__file__).parents[1]
CACHE = "imports.json"


class ImportGraph:
    """The imports between the modules of the package.

    Parameters
    ----------
    folder
        Folder in which the imports of each module are cached by the SHA-256 of its source; None disables the cache.
    package
        Folder of the package.

    """

    def __init__(self, folder: Path | None = None, package: Path = PACKAGE) -> None:
        self.package = package
        sources = {path: path.read_bytes() for path in sorted(package.rglob("*.py"))}
        self.files = {module_name(path, package): path for path in sources}
        self.digests = {module: of_bytes(sources[path]) for module, path in self.files.items()}
        cached = _read(folder)
        names = {
            digest: cached[digest] if digest in cached else imported_names(sources[self.files[module]].decode())
            for module, digest in self.digests.items()
        }
        if folder and names.keys() != cached.keys():
            with suppress(OSError):  # the next call determines the imports again
                write_text(json.dumps(names, sort_keys=True), folder / CACHE)
        self.imports = {module: self._resolved(names[digest]) for module, digest in self.digests.items()}

    def module_of(self, command: str) -> str:
        """Return the module of a command: `stages/*/<command>.py`, or `command.py` of the stage with this name.

        Raises
        ------
        KeyError
            If no module or more than one module has this name.

        """
        name = command.replace("-", "_")
        found = [module for module in self.files if module.split(".")[0] == "stages" and module.endswith(f".{name}")]
        own = f"stages.{name}.command"
        if own in self.files:
            return own
        if len(found) != 1:
            raise KeyError(f"{count(len(found), 'module')} found for the command {name}, but exactly 1 is required")
        return found[0]

    def needed_by(self, module: str) -> list[str]:
        """Return a module and all modules that it imports, directly or indirectly, sorted by name."""
        waiting, needed = [module], set[str]()
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting += self.imports[name]
        return sorted(needed)

    def files_of(self, command: str) -> list[str]:
        """Return the sorted paths of the modules of a command."""
        return [str(self.files[module]) for module in self.needed_by(self.module_of(command))]

    def digest_of(self, command: str) -> str:
        """Return a digest (16 hexadecimal digits) of the names and contents of the modules of a command."""
        modules = self.needed_by(self.module_of(command))
        return short(of_json([(name, self.digests[name]) for name in modules]))

    def _resolved(self, names: list[str]) -> list[str]:
        """Return the modules that define imported names; packages (`__init__`) contain no code that affects results."""
        modules = {self._module_behind(name) for name in names}
        return sorted(modules - {""})

    def _module_behind(self, name: str) -> str:
        parts = name.split(".")[1:]
        prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((module for module in prefixes if module in self.files), "")


def module_name(path: Path, package: Path) -> str:
    """Return the name of a module relative to the package, such as `stages.measure.command`."""
    return ".".join(path.relative_to(package).with_suffix("").parts)


def imported_names(source: str, package: str = PACKAGE.name) -> list[str]:
    """Return the sorted full names that a source imports from the package, including imports under TYPE_CHECKING.

    Examples
    --------
    >>> imported_names("from ctpop.study import shards, registry")
    ['ctpop.study.registry', 'ctpop.study.shards']

    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return sorted(name for name in names if name.split(".")[0] == package)


def _read(folder: Path | None) -> dict[str, list[str]]:
    """Return the cached imports; a damaged or missing cache counts as empty."""
    try:
        cached = json.loads((folder / CACHE).read_text(encoding="utf-8")) if folder else {}
    except (OSError, ValueError):
        return {}
    return cached if isinstance(cached, dict) else {}
