"""Comparison of two studies: differences between their effects of age and between their correlations with age.

The command reads the result folders of two finished studies. It writes the table `comparison`, with a row for every
measure of every structure or group in either study and every set of covariates that both studies adjust for, and forest
plots. The effects per decade of age in the common age range are compared with a margin of equivalence. The comparison
assumes that the two studies include different patients. If the studies share some patients, the command logs a warning
and marks the rows of the table. If all patients of one study are also in the other study, the command stops with an
error.
"""

import argparse
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.contracts.comparison import OUTCOMES_OF_EFFECTS
from ctpop.figures import export, formats
from ctpop.figures.formatting import count, named_by
from ctpop.stages.aging import effect_comparison, rho_comparison
from ctpop.stages.aging.compared_studies import (
    ComparedStudy,
    common_confidence,
    common_margin,
    counterpart,
    read_study,
)
from ctpop.stages.aging.comparison_figures import drawings_of, label_rows
from ctpop.stages.aging.effect_comparison import ComparisonLevels
from ctpop.stages.aging.p_values import adjusted, with_p
from ctpop.stages.aging.shared_patients import refuse_only_shared, shared
from ctpop.stages.aging.stored_models import CRUDE, models_by_key, unit_of
from ctpop.stats import families
from ctpop.study import display_names

LOG = logging.getLogger(__name__)
KEY = ["structure", "measure"]

Row = dict[str, Any]
Studies = tuple[ComparedStudy, ComparedStudy]


def compare(first: ComparedStudy, second: ComparedStudy, margin: float | None = None) -> pd.DataFrame:
    """Return the table `comparison`, sorted by key; individual structures and groups form separate families of tests.

    `margin` is the margin of equivalence in residual SDs per decade; None selects the setting of the studies.

    Raises
    ------
    ContractError
        If the confidence levels of the studies differ, or if `margin` is None and the margins of the studies differ.

    """
    studies = first, second
    levels = ComparisonLevels(common_confidence(*studies), common_margin(*studies, margin))
    rows = [row for pair in pairs_of(studies) for row in pair.rows(studies, levels)]
    same = shared(first.scans, second.scans)
    columns = list(all_tables.COMPARISON.columns)
    whole = with_p(pd.DataFrame(rows).reindex(columns=columns)).assign(
        n_shared_scans=same.scans, n_shared_patients=same.patients, independent=same.patients == 0
    )
    whole["p_bonferroni"] = adjusted(whole, "p", families.bonferroni, "adjusted_for")
    whole["q_bh"] = adjusted(whole, "p", families.benjamini_hochberg, "adjusted_for")
    typed = whole[columns].astype(all_tables.COMPARISON.empty().dtypes.to_dict())
    return typed.sort_values([*KEY, "adjusted_for"], ignore_index=True)


@dataclass(frozen=True)
class Pair:
    """Results of both studies for a measure of a structure or group; a study without results has empty rows.

    `models` contains the age curves of each study by the names of their covariates. `values` contains the values of
    single scans, or None.
    """

    name: Row
    results: tuple[Row, Row]
    models: tuple[dict[str, Row], dict[str, Row]]
    values: tuple[pd.DataFrame | None, pd.DataFrame | None]

    def rows(self, studies: Studies, levels: ComparisonLevels) -> list[Row]:
        """Return one row without covariates, and one for each set of covariates in both studies."""
        code = counterpart(self.name["structure"], (bool(self.results[0]), bool(self.results[1])), studies)
        both = [name for name in self.models[0] if name in self.models[1] and name != CRUDE]
        rows = [self.row(adjusted_for, code, levels) for adjusted_for in (CRUDE, *both)]
        rows[0] |= self.correlations(code, levels.confidence)
        return rows

    def row(self, adjusted_for: str, code: str, levels: ComparisonLevels) -> Row:
        """Return the columns about the ages and the effects of both studies."""
        models = self.models[0].get(adjusted_for), self.models[1].get(adjusted_for)
        return {
            **self.name,
            "adjusted_for": adjusted_for,
            "counterpart": code,
            "unit": unit_of([model for model in models if model], self.name["measure"]),
            "margin_sd": levels.margin,
            **effect_comparison.ages_of(models[0], "a"),
            **effect_comparison.ages_of(models[1], "b"),
            **effect_comparison.effects(models, code, levels),
            "rho_reason": "adjusted",
            "rho_uniform_reason": "adjusted",
        }

    def correlations(self, code: str, confidence: float) -> Row:
        """Return the columns about the correlations of both studies."""
        crude = self.models[0].get(CRUDE), self.models[1].get(CRUDE)
        ages = tuple(rho_comparison.ages_of(*each) for each in zip(crude, self.values, strict=True))
        compared = rho_comparison.comparison(self.results, (ages[0], ages[1]), code == "same", confidence)
        return rho_comparison.correlations(self.results) | compared | self.in_window(code, confidence)

    def in_window(self, code: str, confidence: float) -> Row:
        """Return the columns about the correlations in the common age range."""
        crude = self.models[0].get(CRUDE), self.models[1].get(CRUDE)
        reason, window = effect_comparison.why_not(crude, code), effect_comparison.window_of(crude)
        first, second = self.values
        if first is None or second is None:
            return {"rho_uniform_reason": "no_values"}
        if window is None or reason not in ("ok", "sexes_differ"):  # correlations do not depend on the sexes of a model
            return {"rho_uniform_reason": reason}
        return rho_comparison.in_window((first, second), window, confidence)


def pairs_of(studies: Studies) -> list[Pair]:
    """Return the results of every measure of every structure or group in either study."""
    results = [{tuple(row[name] for name in KEY): row for row in rows_of(study.associations)} for study in studies]
    models = [by_pair(study.models) for study in studies]
    values = [by_series(study.values) for study in studies]
    found = []
    for key in sorted({**results[0], **results[1]}):
        both = results[0].get(key, {}), results[1].get(key, {})
        name = {"structure": key[0], "measure": key[1], "family": (both[0] or both[1])["family"]}
        curves = models[0].get(key, {}), models[1].get(key, {})
        found.append(Pair(name, both, curves, (values[0](key), values[1](key))))
    return found


def by_pair(models: pd.DataFrame) -> dict[tuple[str, str], dict[str, Row]]:
    """Return the age curves by structure and measure, and then by the names of the covariates."""
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for (structure, measure, adjusted_for), row in models_by_key(models).items():
        found.setdefault((structure, measure), {})[adjusted_for] = row
    return found


def by_series(values: pd.DataFrame | None) -> Callable[[tuple[str, str]], pd.DataFrame | None]:
    """Return a function that returns the values of a structure and measure, or None without values."""
    groups = None if values is None else dict(iter(values.groupby(KEY)))

    def of(key: tuple[str, str]) -> pd.DataFrame | None:
        return None if values is None or groups is None else groups.get(key, values.iloc[:0])

    return of


def rows_of(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table as dictionaries."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


@dataclass(frozen=True)
class CompareOptions:
    """Options of the command `compare`; `ctpop compare --help` explains them."""

    studies: list[Path]
    margin: float | None
    out: Path | None
    dpi: int
    formats: list[str]


def run(options: CompareOptions) -> None:
    """Read and compare two studies, and write the table and figures."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # fontTools logs every glyph of every figure
    studies = read_study(options.studies[0]), read_study(options.studies[1])
    names = studies[0].name, studies[1].name
    if names[0] == names[1]:
        names = f"{names[0]} (first)", f"{names[1]} (second)"
    out = options.out or Path("results") / f"{studies[0].name}_and_{studies[1].name}"
    same = shared(studies[0].scans, studies[1].scans)
    refuse_only_shared(same, names)
    if same.patients:
        LOG.warning(
            "%s and %s are in both studies: the studies are not independent, and the P values and confidence intervals"
            " of the comparison are not valid (column independent)",
            count(same.scans, "scan"),
            count(same.patients, "patient"),
        )
    table = all_tables.COMPARISON.write(compare(*studies, options.margin), out / "comparison.parquet")
    with named_by(display_names.names_of(reversed(label_rows(*studies)))):  # the first study names shared structures
        drawings = drawings_of(table, studies, names)
    for drawing in drawings:
        export.save(drawing, out / "figures", options.dpi, options.formats)
    LOG.info("%s; table and %d figures are in %s", summary(table), len(drawings), out)


def summary(table: pd.DataFrame) -> str:
    """Return the numbers of rows with each outcome in words, with the margin of equivalence."""
    outcomes = table["outcome"].value_counts()
    parts = ", ".join(f"{outcomes.get(name, 0)} {name.replace('_', ' ')}" for name in OUTCOMES_OF_EFFECTS)
    impossible = int(table["note"].eq(effect_comparison.NOT_ATTAINABLE).sum())
    text = f"{len(table)} rows = {parts} (margin {table['margin_sd'].iloc[0]:g} residual SD per decade)"
    narrow = f"; in {count(impossible, 'row')}, equivalence is not attainable: the studies are too small or too narrow"
    return text + (f"{narrow} in age" if impossible else "")


def positive(text: str) -> float:
    """Return the value of the option `--margin`.

    Raises
    ------
    argparse.ArgumentTypeError
        If the text is not a number above 0.

    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0; write, for example, --margin 0.1")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "studies", type=Path, nargs=2, metavar="STUDY", help="result folder of a study, or its name in results/"
    )
    parser.add_argument(
        "--margin",
        type=positive,
        help="margin of equivalence in residual standard deviations per decade (default: aging.equivalence_margin of"
        " the studies)",
    )
    parser.add_argument("--out", type=Path, help="folder for the table and figures (default: results/FIRST_and_SECOND)")
    formats.add_options(parser)
