"""How the cells of a registry are to be read: whose column is which of ours, which words mean what, what is missing.

Only the standard library is imported here, since the Snakefile calls it whenever it is parsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SETTINGS = ("columns", "values", "missing", "paths", "separator", "sheet", "complete_from", "contrast_from")


@dataclass(frozen=True)
class Reading:
    """The settings of section `cohort` that say how the registry is read; by default, it has our shape already.

    `columns` has our names by those of the file, `values` our words by theirs (in lower case; nothing: missing) for
    columns of ours, `missing` the words (in lower case) that stand for nothing, `paths` a pattern for each column of
    paths. `decides` says for `complete` and `contrast` whose word counts.
    """

    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    paths: dict[str, str] = field(default_factory=dict)
    separator: str | None = None
    sheet: str | None = None
    decides: dict[str, str] = field(default_factory=lambda: dict.fromkeys(("complete", "contrast"), "registry_first"))

    def names(self, column: str) -> tuple[str, ...]:
        """Return what a column of the file is called by us; one that is not mapped keeps its name."""
        return self.columns.get(column, (column,))

    def word(self, name: str, text: str) -> str:
        """Return a cell of a column of ours as our word; empty where it says nothing."""
        lower = text.lower()
        if lower in self.missing:
            return ""
        return self.values[name].get(lower, text) if name in self.values else text


AS_OURS = Reading()


def reading_of(settings: Mapping[str, Any]) -> Reading:
    """Return how the section `cohort` of a checked configuration says that the registry is read."""
    columns = settings.get("columns", {})
    values = settings.get("values", {})
    return Reading(
        columns={column: (names,) if isinstance(names, str) else tuple(names) for column, names in columns.items()},
        values={name: {word.lower(): ours or "" for word, ours in words.items()} for name, words in values.items()},
        missing=frozenset(word.lower() for word in settings.get("missing", [])),
        paths=dict(settings.get("paths", {})),
        separator=settings.get("separator"),
        sheet=settings.get("sheet"),
        decides={name: settings.get(f"{name}_from", "registry_first") for name in ("complete", "contrast")},
    )
