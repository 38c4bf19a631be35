"""Table 1 for publication: one column per group, and a separate column for missing values."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ctpop.documents.table1 import NOT_KNOWN

DASH = "–"
HIDDEN = "<5"
NAMES = {
    "scans": "Scans",
    "patients": "Patients",
    "age_years": "Age (y)",
    "sex": "Sex",
    "height_cm": "Height (cm)",
    "weight_kg": "Weight (kg)",
    "bmi": "BMI (kg/m²)",
    "kvp": "Tube voltage (kVp)",
    "scanner": "Scanner",
    "phase": "Contrast phase",
    "year": "Year of scan",
}
GROUPS = {
    ("all", "all"): "All",
    ("sex", "female"): "Women",
    ("sex", "male"): "Men",
    ("sex", NOT_KNOWN): "Sex not recorded",
    ("age_quartile", NOT_KNOWN): "Age unknown",
}
WORDS = {"female": "women", "male": "men", "true": "yes", "false": "no"}


@dataclass(frozen=True)
class Printed:
    """Table 1 as text: names of the columns, and rows that consist of a name and its cells."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a data frame in the layout of the CSV file."""
        return pd.DataFrame([[name, *cells] for name, cells in self.rows], columns=["", *self.columns])


def printed(table: pd.DataFrame, *, extremes: bool = True) -> Printed:
    """Return the table `table1` as text; with `extremes`, it includes the range of each numeric variable.

    A missing count is a suppressed count and is printed as `<5`, or as a dash if it was suppressed to protect another
    count (`withheld`). If patients have several scans, the number of patients follows each number of scans in brackets:
    `320 [80]`.
    """
    table = _with_brackets(table)
    n = "n [patients]" if "brackets" in table else "n"
    groups = table.drop_duplicates("group_order").sort_values("group_order")
    columns = [_heading(row) for row in _records(groups)]
    rows: list[tuple[str, list[str]]] = []
    for variable, part in table.groupby("variable", sort=False):
        missing = part.loc[part["level"].eq("missing")]
        total = _count(_records(missing)[0]) if len(missing) else DASH
        for level, cells in part.loc[part["level"].ne("missing")].groupby("level", sort=False):
            name = NAMES.get(str(variable), str(variable))
            lines = _lines(name, str(level), cells, n if variable != "patients" else "n", extremes=extremes)
            rows += [(text, [total, *line]) for text, line in lines]
    return Printed([f"Missing, {n}", *columns], rows)


def _with_brackets(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the number of patients in brackets (column `brackets`) if patients have several scans."""
    if "n_patients" not in table or not table["n"].ne(table["n_patients"]).fillna(False).any():
        return table
    brackets = table["n_patients"].map(lambda n_patients: f" [{n_patients:,}]")
    return table.assign(brackets=brackets.where(table["variable"].ne("patients"), ""))


def _lines(name: str, level: str, cells: pd.DataFrame, n: str, *, extremes: bool) -> list[tuple[str, list[str]]]:
    records = _records(cells)
    if level == "all":
        shares = any(pd.notna(row["share"]) for row in records)
        return [(f"{name}, {n} (%)" if shares else f"{name}, {n}", [_share(row) for row in records])]
    if level != "known":
        return [(f"{name}: {WORDS.get(level, level)}, {n} (%)", [_share(row) for row in records])]
    lines = [
        (f"{name}, median [IQR]", [_text(row, "{median:,.1f} [{q1:,.1f}, {q3:,.1f}]", "median") for row in records]),
        (f"{name}, mean (SD)", [_text(row, "{mean:,.1f} ({sd:,.1f})", "sd") for row in records]),
    ]
    if extremes:
        lines.append((f"{name}, range", [_text(row, "{lowest:g}–{highest:g}", "lowest") for row in records]))
    return lines


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _text(row: dict[str, Any], pattern: str, needs: str) -> str:
    return DASH if pd.isna(row[needs]) else pattern.format(**row).replace("-", "−")


def _count(row: dict[str, Any]) -> str:
    if pd.notna(row["n"]):
        return f"{row['n']:,}{row.get('brackets', '')}"
    return str(row.get("withheld") or DASH)


def _share(row: dict[str, Any]) -> str:
    return _count(row) if pd.isna(row["n"]) or pd.isna(row["share"]) else f"{_count(row)} ({100 * row['share']:.1f}%)"


def _heading(row: dict[str, Any]) -> str:
    known = GROUPS.get((str(row["grouping"]), str(row["group"])))
    if known:
        return known
    ages = f" ({row['age_range']} y)" if pd.notna(row["age_range"]) else ""
    return f"Age quartile {row['group']}{ages}"
