"""Usable values of one structure and measure by age, and the results of the tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.all_tables import MEASURES
from ctpop.figures.formatting import (
    AXES,
    coefficient,
    interval,
    number,
    p_text,
    percent,
    scans_of_patients,
    structure_text,
)
from ctpop.study.patients import distinct, patient_numbers

QUARTILES = (1, 2, 3, 4)
WHISKER = 1.5  # multiple of the interquartile range, as in the original study
KEY = ["structure", "measure"]

Key = tuple[str, str]
Pair = tuple[int, int]


@dataclass(frozen=True)
class StructureFinding:
    """Usable values of one structure and measure with their rows of the result tables.

    `points` contains the columns age_years, value, quartile (1 to 4), sex, and patient (number of the patient).
    `differing` contains the pairs of quartiles with a post hoc P value below alpha.
    """

    structure: str
    measure: str
    points: pd.DataFrame
    association: dict[str, float]
    groups: dict[str, float]
    differing: frozenset[Pair]

    @property
    def n(self) -> int:
        """Number of usable values."""
        return len(self.points)

    @cached_property
    def n_patients(self) -> int:
        """Number of different patients with usable values."""
        return distinct(self.points["patient"].to_numpy())

    @property
    def title(self) -> str:
        """Display name of the structure."""
        return structure_text(self.structure)

    @property
    def axis(self) -> str:
        """Axis label of the measure, with its unit."""
        return AXES[self.measure]


@dataclass(frozen=True)
class Conventions:
    """Settings that all figures of a study share.

    `age_limits` are the limits of the age axis in years, and `age_ranges` are the ages of the quartiles in words.
    `band` is the name of an age quartile, or `age group` if the configuration contains the cut points, and `age_spans`
    are the ages with both limits.
    `repeated` is true if patients have several scans; figures then show numbers of patients next to numbers of scans.
    """

    banner: str | None
    confidence: float
    alpha: float
    age_limits: tuple[float, float]
    age_ranges: list[str]
    repeated: bool = False
    band: str = "age quartile"
    age_spans: tuple[str, ...] = ("", "", "", "")

    @property
    def lines_above(self) -> int:
        """Number of text lines above a panel; the number of patients requires a separate line."""
        return 3 if self.repeated else 2


@dataclass(frozen=True)
class BoxSummary:
    """Box plot of one group: quartiles, ends of the whiskers, and the number of values beyond the whiskers."""

    n: int
    q1: float
    median: float
    q3: float
    low: float
    high: float
    hidden: int


def findings_of(
    patients: pd.DataFrame,
    analysis: pd.DataFrame,
    results: dict[str, pd.DataFrame],
    structures: list[str],
    alpha: float,
) -> dict[Key, StructureFinding]:
    """Return a finding for every structure and measure, including those without usable values.

    `patients` contains the columns scan_id, patient_id, age_years, quartile, and sex. `results` contains the tables
    associations, groups, and posthoc.
    """
    numbered = patients.assign(patient=patient_numbers(patients)).drop(columns="patient_id", errors="ignore")
    points = analysis.merge(numbered, on="scan_id", validate="many_to_one").dropna(subset=["age_years"])
    columns = ["age_years", "value", "quartile", "sex", "patient"]
    by_key = dict(iter(points.sort_values(["age_years", "value"]).groupby(KEY)[columns]))
    association = _rows(results["associations"])
    groups = _rows(results["groups"])
    posthoc = results["posthoc"]
    below = posthoc.loc[posthoc["p"] < alpha]
    differing = {
        key: frozenset(zip(pairs["group_a"], pairs["group_b"], strict=True)) for key, pairs in below.groupby(KEY)
    }
    return {
        key: StructureFinding(
            *key,
            points=by_key.get(key, points.loc[[], columns]).reset_index(drop=True),
            association=association.get(key, {}),
            groups=groups.get(key, {}),
            differing=differing.get(key, frozenset()),
        )
        for key in product(structures, MEASURES)
    }


def box_of(values: NDArray[np.float64]) -> BoxSummary:
    """Return the box of at least one value.

    Whiskers end at the most extreme values within 1.5 times the interquartile range of the box. Quartiles are computed
    by linear interpolation.
    """
    q1, median, q3 = (float(q) for q in np.percentile(values, [25, 50, 75]))
    reach = WHISKER * (q3 - q1)
    inside = values[(values >= q1 - reach) & (values <= q3 + reach)]
    low, high = min(q1, float(inside.min())), max(q3, float(inside.max()))
    return BoxSummary(len(values), q1, median, q3, low, high, len(values) - len(inside))


def boxes_of(finding: StructureFinding) -> dict[int, BoxSummary]:
    """Return the box of each quartile that has values."""
    points = finding.points
    present = [quartile for quartile in QUARTILES if points["quartile"].eq(quartile).any()]
    return {
        quartile: box_of(points.loc[points["quartile"] == quartile, "value"].to_numpy(float)) for quartile in present
    }


def box_table(finding: StructureFinding) -> pd.DataFrame:
    """Return the boxes as a table with one row per quartile; a quartile without values has missing numbers."""
    boxes = boxes_of(finding)
    empty = BoxSummary(0, np.nan, np.nan, np.nan, np.nan, np.nan, 0)
    rows = [{"quartile": quartile, **vars(boxes.get(quartile, empty))} for quartile in QUARTILES]
    table = pd.DataFrame(rows).assign(letters=[letters_of(finding).get(quartile, "") for quartile in QUARTILES])
    table.insert(2, "n_patients", list(patients_of(finding).values()))
    return table


def patients_of(finding: StructureFinding) -> dict[int, int]:
    """Return the number of different patients per quartile; patients with scans in two quartiles count in both."""
    points = finding.points
    return {
        quartile: distinct(points.loc[points["quartile"] == quartile, "patient"].to_numpy()) for quartile in QUARTILES
    }


def letters_of(finding: StructureFinding) -> dict[int, str]:
    """Return letters for the quartiles with values; quartiles that share no letter differ.

    Each letter represents a maximal set of quartiles without a difference between any two of them. Without any
    difference, the result is empty.
    """
    if not finding.differing:
        return {}
    present = sorted(boxes_of(finding))
    alike = [set(group) for group in _subsets(present) if not finding.differing & set(combinations(group, 2))]
    largest = sorted(sorted(group) for group in alike if not any(group < other for other in alike))
    return {
        quartile: "".join(letter for letter, group in zip("abcdef", largest, strict=False) if quartile in group)
        for quartile in present
    }


def cut_points(groups: pd.DataFrame) -> list[float]:
    """Return the cut points between the age quartiles of the cohort; an empty list without cut points.

    All rows of `groups` contain the same cut points.
    """
    known = groups[["cut_1", "cut_2", "cut_3"]].dropna()
    return [] if known.empty else [float(cut) for cut in known.iloc[0]]


def age_ranges(cuts: list[float], rule: str) -> list[str]:
    """Return the upper limits of the first three age quartiles and the lower limit of the fourth: `≤ 38.4` … `> 71`."""
    if not cuts:
        return ["", "", "", ""]
    first, second, third = (f"{cut:.3g}" for cut in cuts)
    below, above = ("≤", ">") if rule == "right_closed" else ("<", "≥")
    return [f"{below} {first}", f"{below} {second}", f"{below} {third}", f"{above} {third}"]


def age_spans(cuts: list[float], rule: str) -> tuple[str, ...]:
    """Return the ages of the four quartiles with both limits: `≤ 38.4`, `> 38.4 to 55`, …, `> 71`."""
    ranges = age_ranges(cuts, rule)
    if not cuts:
        return tuple(ranges)
    above = ranges[3].split()[0]
    lower = [text.split()[1] for text in ranges[:2]]
    upper = [text.split()[1] if above == ">" else text for text in ranges[1:3]]
    return (ranges[0], *(f"{above} {low} to {high}" for low, high in zip(lower, upper, strict=True)), ranges[3])


def size_text(finding: StructureFinding, *, repeated: bool) -> str:
    """Return `n = 320`, or `n = 320 scans of 80 patients` if patients of the study have several scans."""
    return f"n = {scans_of_patients(finding.n, finding.n_patients, both=repeated)}"


def spearman_lines(finding: StructureFinding, confidence: float, *, repeated: bool = False) -> list[str]:
    """Return the lines above a scatterplot: rho with P, confidence interval, and n.

    With `repeated`, a separate line contains n with the number of patients.
    """
    found, n = finding.association, size_text(finding, repeated=repeated)
    if np.isnan(found.get("rho", np.nan)):
        return [n, "Correlation not computed"]
    ci = f"{percent(confidence)} CI: {interval(found['ci_low'], found['ci_high'])}"
    rho = f"ρ = {coefficient(found['rho'])}; {p_text(found['p_rho0'], '$P$')}"
    return [rho, ci, n] if repeated else [rho, f"{ci}; {n}"]


def kruskal_lines(finding: StructureFinding, *, repeated: bool = False) -> list[str]:
    """Return the lines above box plots: Kruskal-Wallis test or score test by patient, effect size, and n.

    With `repeated`, a separate line contains n with the number of patients.
    """
    found, n = finding.groups, size_text(finding, repeated=repeated)
    by_patient = not np.isnan(found.get("q", np.nan))
    statistic = found.get("q" if by_patient else "h", np.nan)
    if np.isnan(statistic) or np.isnan(found["p"]):
        return [n, "Test of age groups not computed"]
    name = "Score test by patient, $Q$" if by_patient else "Kruskal-Wallis $H$"
    test = f"{name} = {number(statistic, 1 if statistic < 100 else 0)}; {p_text(found['p'], '$P$')}"
    effect = f"ε² = {coefficient(found['epsilon_squared'])}"
    return [test, effect, n] if repeated else [test, f"{effect}; {n}"]


def records(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the row of each structure; missing Boolean values become false, and missing numbers become NaN."""
    flat = table.astype(dict.fromkeys(table.select_dtypes("Float64").columns, "float64"))
    flat = flat.assign(
        **{name: table[name].fillna(False).astype(bool) for name in map(str, table.select_dtypes("boolean").columns)}
    )
    return {row["structure"]: {str(name): value for name, value in row.items()} for row in flat.to_dict("records")}


def _rows(table: pd.DataFrame) -> dict[Key, dict[str, float]]:
    keys = zip(table["structure"], table["measure"], strict=True)
    numbers = table.select_dtypes(exclude=["object", "str"]).astype("float64").to_dict("records")
    return {
        key: {str(name): float(value) for name, value in row.items()} for key, row in zip(keys, numbers, strict=True)
    }


def _subsets(members: list[int]) -> Iterator[tuple[int, ...]]:
    for size in range(1, len(members) + 1):
        yield from combinations(members, size)
