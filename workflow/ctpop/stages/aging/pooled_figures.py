"""Forest plots of a meta-analysis, page by page."""

import pandas as pd

from ctpop.figures import forest, pooled_forest
from ctpop.figures.export import Drawing
from ctpop.figures.formatting import MEASURES, count
from ctpop.stages.aging.comparison_figures import headings_of
from ctpop.stages.aging.pooled_studies import PooledStudy
from ctpop.study import configuration


def drawings_of(table: pd.DataFrame, studies: list[PooledStudy], confidence: float) -> list[Drawing]:
    """Return the forest plots of the effects without covariates; structures without a result are not drawn."""
    style = pooled_forest.PoolStyle(tuple(study.name for study in studies), confidence, banner_of(studies))
    known = table[table["adjusted_for"].eq("none") & table["effect"].notna()]
    drawings = []
    for measure in MEASURES:
        rows = known[known["measure"].eq(measure)]
        blocks = headings_of(label_rows(studies), rows.drop_duplicates("structure"))
        for number, page in enumerate(forest.pages_of(blocks), start=1):
            shown = pooled_forest.source(rows, page)
            drawn = count(shown["structure"].nunique(), "effect")
            drawings.append(
                Drawing(
                    f"pooled_{measure}_p{number:02d}",
                    "forest",
                    f"Forest plot of {drawn} of age in {len(studies)} studies and their pooled estimates.",
                    pooled_forest.draw(shown, page, measure, style),
                    shown,
                )
            )
    return drawings


def label_rows(studies: list[PooledStudy]) -> list[dict[str, str]]:
    """Return the rows of the label sets of the studies; a missing label set contributes none."""
    return [row for study in studies if study.label_set for row in configuration.label_rows(study.label_set)]


def banner_of(studies: list[PooledStudy]) -> str | None:
    """Return the banners of the studies, each once."""
    return "; ".join(dict.fromkeys(study.banner for study in studies if study.banner)) or None
