"""Comparison of two studies: differences between their correlations with age.

The command reads the result folders of two finished studies. It writes the table `comparison`, with a row for every
measure of every structure or group in either study, and forest plots. The z test assumes that the two studies include
different patients. If the studies share some patients, the command logs a warning and marks the rows of the table. If
all patients of one study are also in the other study, the command stops with an error.
"""

import argparse
import json
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.figures import export, forest, formats
from ctpop.figures.export import Drawing
from ctpop.figures.formatting import MEASURES, count, named_by
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging.shared_patients import read_scans, refuse_only_shared, shared
from ctpop.stats import families
from ctpop.stats.differences import Difference, difference_of, from_interval
from ctpop.stats.tails import p_of_log10
from ctpop.study import configuration, display_names

LOG = logging.getLogger(__name__)
KEY = ["structure", "measure"]
RESULTS = ("n", "n_patients", "rho", "ci_low", "ci_high")
SACRUM, SACRUM_V1, S1 = "sacrum", "sacrum_v1", "vertebrae_S1"
NO_GROUP = "structures"


@dataclass(frozen=True)
class ComparedStudy:
    """Results of a study; `members` contains the members of each group that are in its label set.

    `scans` contains the scans of the study as returned by `shared_patients.read_scans`.
    """

    name: str
    config: dict[str, Any]
    associations: pd.DataFrame
    members: dict[str, frozenset[str]]
    scans: pd.DataFrame

    @property
    def structures(self) -> frozenset[str]:
        """Single structures of the study."""
        return frozenset(self.associations.loc[self.associations["family"].eq("structures"), "structure"])

    @property
    def confidence(self) -> float:
        """Confidence level of the intervals."""
        return float(self.config["aging"]["confidence"])


def compare(first: ComparedStudy, second: ComparedStudy) -> pd.DataFrame:
    """Return the table `comparison`, sorted by key; individual structures and groups form separate families of tests.

    Raises
    ------
    ContractError
        If the confidence levels of the studies differ.

    """
    if first.confidence != second.confidence:
        raise ContractError(
            f"aging.confidence: the confidence levels of the studies differ: {first.confidence:g} in {first.name} and"
            f" {second.confidence:g} in {second.name}. Rerun one of the studies with the level of the other study"
        )
    both = beside(first, second)
    present = zip(both["structure"].astype(str), both["in_a"], both["in_b"], strict=True)
    counterparts = [counterpart(name, (in_a, in_b), (first, second)) for name, in_a, in_b in present]
    both = both.assign(counterpart=counterparts)
    tested = [difference(row, first.confidence) for row in both.to_dict("records")]
    found = pd.DataFrame(
        {
            "difference": [each.difference for each in tested],
            "difference_low": [each.low for each in tested],
            "difference_high": [each.high for each in tested],
            "z": [each.z for each in tested],
            "log10_p": [each.log10_p for each in tested],
        }
    )
    same = shared(first.scans, second.scans)
    whole = both.join(found).assign(
        p=found["log10_p"].map(p_of_log10),
        n_shared_scans=same.scans,
        n_shared_patients=same.patients,
        independent=same.patients == 0,
    )
    whole["p_bonferroni"] = adjusted(whole, families.bonferroni)
    whole["q_bh"] = adjusted(whole, families.benjamini_hochberg)
    return whole[list(all_tables.COMPARISON.columns)].sort_values(KEY, ignore_index=True)


def beside(first: ComparedStudy, second: ComparedStudy) -> pd.DataFrame:
    """Return every measure of every structure or group with the results of both studies (suffixes `_a` and `_b`)."""
    parts = [
        study.associations[[*KEY, *RESULTS, "family"]].rename(columns={name: f"{name}_{letter}" for name in RESULTS})
        for letter, study in (("a", first), ("b", second))
    ]
    both = parts[0].merge(parts[1], on=[*KEY, "family"], how="outer", validate="one_to_one", indicator=True)
    return both.assign(in_a=both["_merge"].ne("right_only"), in_b=both["_merge"].ne("left_only"))


def counterpart(structure: str, present: tuple[bool, bool], studies: tuple[ComparedStudy, ComparedStudy]) -> str:
    """Return the code (one of `COUNTERPARTS`) for the agreement of a structure or group between the studies."""
    if not all(present):
        return "only_in_a" if present[0] else "only_in_b"
    # ASSUME: the sacrum excludes S1 in label sets with vertebrae_S1 (TotalSegmentator v2) and includes S1 in others
    if structure == SACRUM and len({S1 in study.structures for study in studies}) > 1:
        return "other_extent"
    members = {study.members.get(structure, frozenset()) for study in studies}
    return "same" if structure == SACRUM_V1 or len(members) == 1 else "other_members"


def difference(row: dict[Any, Any], confidence: float) -> Difference:
    """Return the difference between the two correlations of a row, which is missing if the structures do not agree."""
    if row["counterpart"] != "same" or math.isnan(row["rho_a"]) or math.isnan(row["rho_b"]):
        return Difference()
    first, second = (
        from_interval(row[f"rho_{letter}"], row[f"ci_low_{letter}"], row[f"ci_high_{letter}"], confidence)
        for letter in ("a", "b")
    )
    return difference_of(first, second)


def adjusted(table: pd.DataFrame, correct: Callable[[np.ndarray], np.ndarray]) -> pd.Series:
    """Return adjusted P values of the rows with a result; individual structures and groups form separate families."""
    return table.groupby("family")["p"].transform(lambda p: correct(p.to_numpy(dtype=float)))


def headings_of(first: ComparedStudy, second: ComparedStudy, shown: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Return headings with the structures below each heading, in the order of the available label sets."""
    rows = label_rows(first, second)
    group_of = {row.get("structure", ""): row.get("group") or NO_GROUP for row in reversed(rows)}
    alone = shown["family"].eq("structures")
    single, groups = {*shown.loc[alone, "structure"]}, sorted(shown.loc[~alone, "structure"])
    ordered = [*dict.fromkeys(row.get("structure", "") for row in rows), *sorted(single)]
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for name in ordered if name in single):
        found.setdefault(group_of.get(name, NO_GROUP), []).append(name)
    return [*found.items(), *([("groups of structures", groups)] if groups else [])]


def label_rows(first: ComparedStudy, second: ComparedStudy) -> list[dict[str, str]]:
    """Return the rows of the label sets of both studies; a missing label set contributes none."""
    return [row for study in (first, second) for row in configuration.label_rows(study.config["structures"])]


def read_study(place: Path) -> ComparedStudy:
    """Return a finished study from its result folder, or from its name in `results/`.

    Raises
    ------
    ContractError
        If the folder does not contain the results of a finished study.

    """
    folder = place if place.is_dir() or place.parent.name else Path("results") / place
    files = {name: folder / name for name in ("provenance.json", "tables/associations.parquet")}
    absent = [name for name, path in files.items() if not path.is_file()]
    if absent:
        raise ContractError(
            f"{folder}: this folder does not contain a finished study; missing: {', '.join(absent)}. Run the study, or"
            " enter the result folder of a finished study"
        )
    config = json.loads(files["provenance.json"].read_text(encoding="utf-8"))["config"]
    columns = [*RESULTS, "family"]
    groups = all_tables.GROUP_MEMBERS.read(folder / "tables" / "group_members.parquet")
    present = groups[groups["in_label_set"]].groupby("group")["structure"]
    return ComparedStudy(
        name=config["study"]["name"],
        config=config,
        associations=all_tables.ASSOCIATIONS.read(files["tables/associations.parquet"], *columns),
        members={str(group): frozenset(names) for group, names in present},
        scans=read_scans(folder / "tables"),
    )


def banner_of(studies: tuple[ComparedStudy, ComparedStudy]) -> str | None:
    """Return the banners of the studies, each once; different banners are preceded by the names of their studies."""
    banners = {study.name: study.config["study"].get("banner") for study in studies}
    reported: dict[str, str] = {name: banner for name, banner in banners.items() if banner}
    if len(reported) == len(banners) and len(set(reported.values())) == 1:
        return next(iter(reported.values()))
    return "; ".join(f"{name}: {banner}" for name, banner in reported.items()) or None


def pages_of(
    known: pd.DataFrame, studies: tuple[ComparedStudy, ComparedStudy]
) -> Iterator[tuple[str, int, list[forest.Block]]]:
    """Yield the measure, number, and content of each page of the figure, from the rows with a result."""
    for measure in MEASURES:
        blocks = headings_of(*studies, known[known["measure"].eq(measure)])
        yield from ((measure, number, page) for number, page in enumerate(forest.pages_of(blocks), start=1))


def drawings_of(
    table: pd.DataFrame, studies: tuple[ComparedStudy, ComparedStudy], names: tuple[str, str]
) -> list[Drawing]:
    """Return the forest plots of both measures, page by page; rows without a result in both studies are not drawn."""
    style = forest.ForestStyle(names, studies[0].confidence, studies[0].config["aging"]["alpha"], banner_of(studies))
    known = table[table[["rho_a", "rho_b"]].notna().any(axis="columns")]
    drawings = []
    for measure, number, page in pages_of(known, studies):
        shown = forest.source(table, page, measure)
        tested = int(shown["difference"].notna().sum())
        drawings.append(
            Drawing(
                f"forest_{measure}_p{number:02d}",
                "forest",
                f"Forest plot of {count(tested, 'correlation')} with age in two studies, {' and '.join(names)}.",
                forest.draw(shown, page, measure, style),
                shown,
            )
        )
    return drawings


@dataclass(frozen=True)
class CompareOptions:
    """Options of the command `compare`; `ctpop compare --help` explains them."""

    studies: list[Path]
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
    table = all_tables.COMPARISON.write(compare(*studies), out / "comparison.parquet")
    with named_by(display_names.names_of(reversed(label_rows(*studies)))):  # the first study names shared structures
        drawings = drawings_of(table, studies, names)
    for drawing in drawings:
        export.save(drawing, out / "figures", options.dpi, options.formats)
    alpha = studies[0].config["aging"]["alpha"]
    tested, differing = int(table["p"].notna().sum()), int(table["p"].lt(alpha).sum())
    reported = "%d rows = %d compared (%d differ, P < %g) + %d not compared; table and %d figures are in %s"
    LOG.info(reported, len(table), tested, differing, alpha, len(table) - tested, len(drawings), out)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "studies", type=Path, nargs=2, metavar="STUDY", help="result folder of a study, or its name in results/"
    )
    parser.add_argument("--out", type=Path, help="folder for the table and figures (default: results/FIRST_and_SECOND)")
    formats.add_options(parser)
