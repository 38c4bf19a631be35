"""Numbers that a report page prints, and numbers that the page may print according to the tables of the study.

The permitted forms are derived from the Parquet tables and the number formats and not from the report.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from ctpop.figures.formatting import AXES, MEASURES, coefficient, number, p_cell

NUMBER = re.compile(r"(?<![\w.])−?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)")
P_COLUMNS = ("p", "p_independence", "p_rho0", "p_rho0_holm", "p_bonferroni", "p_holm", "q_bh")
MEASURE_OF = {words: measure for names in (AXES, MEASURES) for measure, words in names.items()}
TOP_LEVEL = ("flow", "overlap", "table1", "contrast_check", "compare_published")


@dataclass
class Line:
    """A table row or list entry: the linked structure and the cells with their attributes."""

    structure: str = ""
    cells: list[tuple[dict[str, str | None], str]] = field(default_factory=list)

    @property
    def measure(self) -> str:
        return next((MEASURE_OF[text] for _, text in self.cells if text in MEASURE_OF), "")


class Lines(HTMLParser):
    """The rows of all tables of a page, and the entries of its definition lists."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[Line] = []
        self.inside: str = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        if tag in ("tr", "dl"):
            self.found.append(Line())
        if tag in ("td", "dd"):
            self.found[-1].cells.append((known, ""))
        if tag in ("td", "dd", "th"):
            self.inside = tag
        leads = re.fullmatch(r"(?:\.\./)?structures/(\w+)\.html", known.get("href") or "")
        if tag == "a" and self.inside == "th" and leads:
            self.found[-1].structure = leads[1]

    def handle_endtag(self, tag):
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data):
        if self.inside in ("td", "dd"):
            known, text = self.found[-1].cells[-1]
            self.found[-1].cells[-1] = (known, text + data)


class Allowed:
    """The permitted numbers by structure and measure, and for the whole study."""

    def __init__(self, tables: Path, bounds: dict[str, float]) -> None:
        self.tables = {path.stem: pd.read_parquet(path) for path in tables.glob("*.parquet")}
        self.bounds = bounds
        self.known: dict[tuple[str, str], tuple[set[str], set[str]]] = {}

    def of(self, structure: str, measure: str) -> tuple[set[str], set[str]]:
        """Return the printed forms and the sort keys of a structure (and a measure)."""
        if (structure, measure) not in self.known:
            values = list(self._of_structure(structure, measure) if structure else self._of_study())
            forms = {form for kind, value in values for form in printed(kind, value)}
            self.known[structure, measure] = (forms, {f"{float(value):.12g}" for _, value in values})
        return self.known[structure, measure]

    def _of_structure(self, structure: str, measure: str) -> Iterable[tuple[str, float]]:
        for name, table in self.tables.items():
            if "structure" not in table or ("scan_id" in table and name != "extremes"):
                continue
            rows = table[table["structure"].eq(structure)]
            yield from numbers_of(rows[rows["measure"].eq(measure)] if measure and "measure" in rows else rows)
        verdicts = self.tables["verdicts"].query("structure == @structure")
        counted = [*verdicts["reason"].value_counts(), verdicts["usable_volume"].sum(), verdicts["usable_hu"].sum()]
        yield from (("count", value) for value in [0, *counted])
        if structure in self.bounds:
            yield "number", self.bounds[structure]

    def _of_study(self) -> Iterable[tuple[str, float]]:
        tables = self.tables
        for name in TOP_LEVEL:
            yield from numbers_of(tables[name])
        seen = tables["contrast_check"]
        looks = seen.groupby([seen["contrast"].astype("str"), "looks"]).size()
        own = tables["associations"].query("family == 'structures'")
        single = tables["analysis"][tables["analysis"]["structure"].isin(set(own["structure"]))]
        measured = tables["measures"].query("status == 'measured'")["scan_id"].nunique()
        counted = [
            *(0, len(tables["cohort"]), measured, own["rho"].notna().sum(), own["significant"].sum()),
            *(*single["measure"].value_counts(), *looks, *tables["segments"]["status"].value_counts()),
        ]
        yield from (("count", value) for value in counted)


def numbers_of(table: pd.DataFrame) -> Iterable[tuple[str, float]]:
    """Yield the numbers of a table with their type: P value, count, or other number."""
    for name in table.select_dtypes("number").columns:
        whole = pd.api.types.is_integer_dtype(table[name])
        kind = "p" if name in P_COLUMNS else "count" if whole else "number"
        yield from ((kind, value) for value in table[name].dropna())


def printed(kind: str, value: float) -> set[str]:
    """Return all forms in which a page can print a number."""
    if kind == "count":
        return {f"{int(value):,}"}
    if kind == "p":
        return set(NUMBER.findall(p_cell(value)))
    forms = [number(value, decimals) for decimals in range(5)] + [coefficient(value, decimals) for decimals in (2, 3)]
    return {*forms, f"{value:g}", f"{value:,.6g}".replace("-", "−"), number(100 * value, 1)}


def unknown_numbers(path: Path, allowed: Allowed, structure: str = "") -> tuple[list[str], int]:
    """Return the numbers of a page that no table contains, and the count of examined numbers."""
    unknown, seen = [], 0
    for line in Lines(path).found:
        told = structure or line.structure
        forms, orders = allowed.of(told, line.measure if told else "")
        measured = [cell for cell in line.cells if "text" not in (cell[0].get("class") or "")]
        found = [form for _, text in measured for form in NUMBER.findall(text)]
        sorted_by = [order for known, _ in measured if (order := known.get("data-order"))]
        unknown += [form for form in found if form not in forms] + [order for order in sorted_by if order not in orders]
        seen += len(found) + len(sorted_by)
    return unknown, seen
