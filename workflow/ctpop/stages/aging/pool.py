"""Random-effects meta-analysis of the effects of age of several studies.

The command reads the table `age_models` of each study, which contains no data of patients. It writes the table `pooled`
and forest plots. The effect per decade of age is computed in the age range that all studies have in common. If the
tables of single scans are available, the command also checks whether studies share patients.
"""

import argparse
import logging
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.figures import export, formats
from ctpop.figures.formatting import count, named_by
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging.compare import positive
from ctpop.stages.aging.p_values import with_p
from ctpop.stages.aging.pooled_effects import pooled_rows
from ctpop.stages.aging.pooled_figures import drawings_of, label_rows
from ctpop.stages.aging.pooled_studies import PooledStudy, pools_of, read_study
from ctpop.stages.aging.shared_patients import refuse_only_shared, shared
from ctpop.study import display_names

LOG = logging.getLogger(__name__)
KEY = ["structure", "measure", "adjusted_for"]


def pool(studies: list[PooledStudy], confidence: float) -> pd.DataFrame:
    """Return the table `pooled`, sorted by structure, measure, and covariates.

    Raises
    ------
    ContractError
        If there are fewer than two studies, or if two studies have the same name.

    """
    names = [study.name for study in studies]
    if len(studies) < 2:
        raise ContractError(
            f"pool: a meta-analysis requires several studies, found {count(len(studies), 'study', 'studies')}"
            f" ({', '.join(names) or 'none'}). Enter the result folders of at least two studies; three are required for"
            " a pooled estimate"
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ContractError(
            f"pool: several studies have the name {', '.join(repeated)}. Enter each study once, and copy exported"
            " tables to folders with different names"
        )
    rows = [row for each in pools_of(studies) for row in pooled_rows(each, confidence)]
    columns = list(all_tables.POOLED.columns)
    table = with_p(pd.DataFrame(rows).reindex(columns=columns))[columns]
    return table.astype(all_tables.POOLED.empty().dtypes.to_dict()).sort_values(KEY, kind="stable", ignore_index=True)


def check_patients(studies: list[PooledStudy]) -> None:
    """Log a warning if two studies share patients.

    Raises
    ------
    ContractError
        If all patients of a study are in another study.

    """
    for first, second in combinations(studies, 2):
        if first.scans is None or second.scans is None:
            continue
        same = shared(first.scans, second.scans)
        refuse_only_shared(same, (first.name, second.name), "pool")
        if same.patients:
            LOG.warning(
                "%s and %s share %s: the studies are not independent, and the intervals are too narrow",
                first.name,
                second.name,
                count(same.patients, "patient"),
            )


@dataclass(frozen=True)
class PoolOptions:
    """Options of the command `pool`; `ctpop pool --help` explains them."""

    studies: list[Path]
    confidence: float
    out: Path
    dpi: int
    formats: list[str]


def run(options: PoolOptions) -> None:
    """Read and pool several studies, and write the table and figures."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # fontTools logs every glyph of every figure
    studies = [read_study(place) for place in options.studies]
    table = pool(studies, options.confidence)
    check_patients(studies)
    all_tables.POOLED.write(table, options.out / "pooled.parquet")
    with named_by(display_names.names_of(reversed(label_rows(studies)))):  # the first study names shared structures
        drawings = drawings_of(table, studies, options.confidence)
    for drawing in drawings:
        export.save(drawing, options.out / "figures", options.dpi, options.formats)
    LOG.info("%s; table and %d figures are in %s", summary(table, len(studies)), len(drawings), options.out)


def summary(table: pd.DataFrame, n_studies: int) -> str:
    """Return the numbers of pooled and missing estimates in words."""
    pooled = table.loc[table["kind"].eq("pooled"), "reason"]
    missing = pooled[pooled.ne("ok")].value_counts()
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(missing.items()))
    text = f"{n_studies} studies: {int(pooled.eq('ok').sum())} of {len(pooled)} effects pooled"
    return text + (f" (not pooled: {reasons})" if reasons else "")


def level(text: str) -> float:
    """Return the value of the option `--confidence`.

    Raises
    ------
    argparse.ArgumentTypeError
        If the text is not a number above 0.5 and below 1.

    """
    value = positive(text)
    if not 0.5 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0.5 and 1; write, for example, --confidence 0.95")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "studies",
        type=Path,
        nargs="+",
        metavar="STUDY",
        help="result folder of a study, its name in results/, or a folder that contains its table age_models",
    )
    parser.add_argument("--confidence", type=level, default=0.95, help="confidence level (default: %(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results") / "pooled",
        help="folder for the table and figures (default: %(default)s)",
    )
    formats.add_options(parser)
