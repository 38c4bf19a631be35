"""Forest plots of the comparison of two studies, page by page."""

from collections.abc import Iterator

import pandas as pd

from ctpop.figures import forest
from ctpop.figures.export import Drawing
from ctpop.figures.formatting import MEASURES, count
from ctpop.stages.aging.compared_studies import ComparedStudy, banner_of
from ctpop.study import configuration

NO_GROUP = "structures"
Studies = tuple[ComparedStudy, ComparedStudy]
KINDS = (
    ("forest", "effect", forest.EFFECT, "Forest plot of {} of age in two studies, {}."),
    ("forest_rho", "correlation", forest.RHO, "Forest plot of {} with age in two studies, {}."),
)


def drawings_of(table: pd.DataFrame, studies: Studies, names: tuple[str, str]) -> list[Drawing]:
    """Return the forest plots of effects and of correlations; rows without a result in both studies are not drawn."""
    style = forest.ForestStyle(names, studies[0].confidence, banner_of(studies))
    drawings = []
    for prefix, noun, quantity, text in KINDS:
        columns = [f"{quantity.estimate}_{letter}" for letter in "ab"]
        known = table[table[columns].notna().any(axis="columns") & table["adjusted_for"].eq("none")]
        for measure, number, page in pages_of(known, studies):
            shown = forest.source(table, page, measure)
            compared = int(shown[quantity.difference].notna().sum())
            drawings.append(
                Drawing(
                    f"{prefix}_{measure}_p{number:02d}",
                    "forest",
                    text.format(count(compared, noun), " and ".join(names)),
                    forest.draw(shown, page, measure, quantity, style),
                    shown,
                )
            )
    return drawings


def pages_of(known: pd.DataFrame, studies: Studies) -> Iterator[tuple[str, int, list[forest.Block]]]:
    """Yield the measure, number, and content of each page of the figure, from the rows with a result."""
    for measure in MEASURES:
        blocks = headings_of(label_rows(*studies), known[known["measure"].eq(measure)])
        yield from ((measure, number, page) for number, page in enumerate(forest.pages_of(blocks), start=1))


def headings_of(rows: list[dict[str, str]], shown: pd.DataFrame) -> list[forest.Block]:
    """Return headings with the structures below each heading, in the order of the rows of label sets."""
    group_of = {row.get("structure", ""): row.get("group") or NO_GROUP for row in reversed(rows)}
    alone = shown["family"].eq("structures")
    single, groups = {*shown.loc[alone, "structure"]}, sorted(shown.loc[~alone, "structure"])
    ordered = [*dict.fromkeys(row.get("structure", "") for row in rows), *sorted(single)]
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for name in ordered if name in single):
        found.setdefault(group_of.get(name, NO_GROUP), []).append(name)
    return [*found.items(), *([("groups of structures", groups)] if groups else [])]


def label_rows(*studies: ComparedStudy) -> list[dict[str, str]]:
    """Return the rows of the label sets of the studies; a missing label set contributes none."""
    return [row for study in studies for row in configuration.label_rows(study.config["structures"])]
