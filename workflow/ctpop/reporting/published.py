"""The comparison with the published study, as the page shows it."""

from typing import Any

import pandas as pd

from ctpop.figures.wording import (
    AGREEMENTS,
    AXES,
    MISSING,
    coefficient,
    interval,
    number,
    p_cell,
    structure_text,
)
from ctpop.reporting.study import Study

FRACTION = 4  # decimals of a difference that is no whole number


def published(study: Study) -> dict[str, Any]:
    """Return the printed correlations and the other printed numbers beside ours, and how many rows had each verdict."""
    table = study.tables["compare_published"]
    rows = table.astype(dict.fromkeys(table.select_dtypes("Float64").columns, "float64"))
    about_rho = rows["measure"].notna() & rows["statistic"].str.contains("rho")
    numbers = rows["number_published"].notna()
    verdicts = rows["verdict"].value_counts()
    return {
        "correlations": [correlation(row) for row in _rows(rows[about_rho])],
        "numbers": [counted(row) for row in _rows(rows[numbers])],
        "gaps": [str(row) for row in rows.loc[~about_rho & ~numbers, "statistic"]],
        "verdicts": [(AGREEMENTS[verdict], int(verdicts.get(verdict, 0))) for verdict in AGREEMENTS],
    }


def correlation(row: dict[str, Any]) -> dict[str, str]:
    """Return the cells of a printed correlation."""
    sides = [coefficient(row[f"rho_{side}"]) for side in ("left", "right")]
    return {
        "id": row["id"],
        "structure": MISSING if pd.isna(row["structure"]) else structure_text(row["structure"]),
        "measure": AXES[row["measure"]],
        "published": coefficient(row["rho_published"]),
        "ci_published": interval(row["ci_low_published"], row["ci_high_published"]),
        "here": coefficient(row["rho_here"]),
        "ci_here": interval(row["ci_low_here"], row["ci_high_here"]),
        "sides": MISSING if set(sides) == {MISSING} else " / ".join(sides),
        "n": MISSING if pd.isna(row["n"]) else f"{row['n']:,}",
        **_tested(row),
        "difference": coefficient(row["difference"], 3),
    }


def counted(row: dict[str, Any]) -> dict[str, str]:
    """Return the cells of any other printed number; of a number of people, the difference is that of the shares."""
    return {
        "id": row["id"],
        "statistic": row["statistic"],
        "published": _plain(row["number_published"]),
        "here": _plain(row["number_here"]),
        **_tested(row),
        "difference": number(row["difference"], FRACTION if row["difference"] % 1 else 0),
    }


def _tested(row: dict[str, Any]) -> dict[str, str]:
    return {
        "z": number(row["z"], 2),
        "p": p_cell(row["p"]),
        "verdict": AGREEMENTS[row["verdict"]],
        "differs": "yes" if row["verdict"] == "differs" else "",
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.6g}"
