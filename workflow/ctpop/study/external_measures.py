"""Import of existing measures, instead of images, from a table or from a folder with one statistics file per scan."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.contracts.codes import MEASURE_STATUS
from ctpop.contracts.measures import HIGHEST_MEAN_HU, LOWEST_MEAN_HU
from ctpop.foundation.errors import ContractError
from ctpop.study import codings, measures_table, statistics_folder
from ctpop.study.identifiers import refuse_near_ids
from ctpop.study.registry_options import AS_OURS, Reading
from ctpop.study.table_cells import line_of

LOG = logging.getLogger(__name__)

WOMAN_OR_MAN = "m"  # abbreviates mujer (Spanish) and mulher (Portuguese) in addition to male


@dataclass(frozen=True)
class Recorded:
    """The registry data with which a table of measures is compared.

    Attributes
    ----------
    cohort : pandas.DataFrame
        One row per scan of the study, with `scan_id`, `age_years` (years), and `sex`.
    excluded : collection of str
        Scans of the registry that are not in the study.
    reading : Reading
        Settings for reading the registry, which also apply to the words of the table.

    Examples
    --------
    >>> Recorded(pd.DataFrame({"scan_id": ["s1"], "age_years": [61.0], "sex": ["male"]})).excluded
    ()

    """

    cohort: pd.DataFrame
    excluded: Collection[str] = ()
    reading: Reading = AS_OURS


def read_external_measures(
    path: Path,
    scan_ids: list[str],
    names: list[str],
    reading: Reading = AS_OURS,
    zero_hu: str = "missing",
    recorded: Recorded | None = None,
) -> pd.DataFrame:
    r"""Read the table `measures` from a user's table or from a folder with TotalSegmentator statistics of each scan.

    Parameters
    ----------
    path : Path
        Table or folder of statistics.
    scan_ids : list of str
        Scans of the study.
    names : list of str
        Structures of the label set.
    reading : Reading
        Settings for reading a table.
    zero_hu : str
        `missing` or `value`: interpretation of an attenuation of 0.0 without a volume.
    recorded : Recorded, optional
        Registry data with which the IDs, ages, and sexes in the table are compared (`refuse_other_patients`).

    Returns
    -------
    pandas.DataFrame
        One row per scan and structure, with the columns of `MEASURES_TABLE`.

    Raises
    ------
    ContractError
        If columns are mapped for a folder of statistics, if the table cannot be read (`measures_table.read`), if its
        ages or sexes contradict the registry, or if it contains no row of the study (`external_rows`).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "measures.csv")
    ...     _ = path.write_text("scan_id,liver_hu_mean\ns1,61.5\n")
    ...     read_external_measures(path, ["s1"], ["liver"])["hu_mean"].tolist()
    [61.5]

    """
    excluded = recorded.excluded if recorded else ()
    if path.is_dir():
        if reading.columns:
            raise ContractError(
                f"measure.columns: is set, but {path} is a folder of statistics, which contain no columns; remove"
                " measure: {columns: ...} from the study file"
            )
        rows = statistics_folder.read_folder(path, scan_ids, names, excluded)
        rows, impossible = without_impossible(rows, path)
        return rows.assign(status=rows["status"].mask(impossible, "impossible_hu"))
    notes: list[str] = []
    table = measures_table.read(path, reading, names, notes)
    for note in notes:
        LOG.info("%s: %s", path, note)
    if recorded:
        refuse_other_patients(table, recorded, path)
    return external_rows(measures_table.as_long(table, names, path), scan_ids, names, path, zero_hu, excluded)


def refuse_other_patients(table: pd.DataFrame, recorded: Recorded, place: Path) -> None:
    """Reject a table of measures whose ages or sexes contradict the registry because the IDs could be mixed up.

    The words of the table are interpreted with the settings of the registry. If the letter `M` denotes women in all
    rows of the table, the table uses a different coding, and the letter is not a contradiction.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Table with standard column names, with or without `age_years` and `sex`.
    recorded : Recorded
        Ages and sexes of the registry.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If ages differ by more than 1 year or if sexes differ. Ages and sexes that cannot be read are not compared.

    Examples
    --------
    >>> recorded = Recorded(pd.DataFrame({"scan_id": ["s1"], "age_years": [61.0], "sex": ["male"]}))
    >>> refuse_other_patients(pd.DataFrame({"scan_id": ["s1"], "age_years": ["61.4"]}), recorded, Path("a.csv"))

    """
    ours = recorded.cohort.set_index("scan_id")
    for name in (name for name in ("age_years", "sex") if name in table.columns and "scan_id" in table.columns):
        theirs = table[["scan_id", name]].dropna().drop_duplicates()
        words = theirs[name].map(partial(recorded.reading.word, name))
        known = theirs["scan_id"].map(ours[name])
        if name == "age_years":
            differing = (codings.years_of(words, str(place))[0] - known.astype("float64")).abs().gt(1)
        else:
            differing = _other_sexes(words.str.lower(), known)
        if differing.any():
            wrong = theirs[differing]
            raise ContractError(
                f"{place}: line {line_of(wrong.index[0])}: column {name} contradicts the registry for scan"
                f" {wrong['scan_id'].iloc[0]!r} (affected scans: {wrong['scan_id'].nunique()}); correct the IDs, the"
                f" cells, or their unit, or exclude the column: measure: {{columns: {{{name}: []}}}}"
            )


def _other_sexes(words: "pd.Series[str]", recorded: "pd.Series[str]") -> "pd.Series[bool]":
    """Return which words denote a sex other than the recorded sex; `m` can denote women if it does so in all rows."""
    meant = words.map(codings.SEXES)
    differing = meant.notna() & recorded.notna() & meant.ne(recorded)
    of_women = words.eq(WOMAN_OR_MAN) & recorded.notna()
    other_coding = recorded[of_women].eq("female").all() and not meant.eq("female").any()
    return differing & ~of_women if other_coding else differing


def without_sentinels(rows: pd.DataFrame) -> tuple[pd.DataFrame, "pd.Series[bool]"]:
    """Replace the zeros that TotalSegmentator writes for unmeasured structures with missing values.

    TotalSegmentator reports an attenuation of exactly 0.0 for a structure that is absent, truncated, or failed. The
    volume of such a structure is 0.0 or missing from the table. With a volume above 0, an attenuation of 0 is a
    measured value.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows with `hu_mean` (HU), `volume_ml` (mL), or both.

    Returns
    -------
    rows : pandas.DataFrame
        The same rows, with missing volume and attenuation instead of these zeros.
    zeros : pandas.Series of bool
        Whether zeros were replaced in a row.

    Examples
    --------
    >>> rows, zeros = without_sentinels(pd.DataFrame({"hu_mean": [0.0, 61.5]}))
    >>> rows["hu_mean"].tolist(), zeros.tolist()
    ([nan, 61.5], [True, False])

    """
    if "hu_mean" not in rows.columns:
        return rows, pd.Series(False, index=rows.index)
    volume = rows["volume_ml"] if "volume_ml" in rows.columns else pd.Series(np.nan, index=rows.index)
    zeros = pd.to_numeric(rows["hu_mean"], errors="coerce").eq(0) & ~pd.to_numeric(volume, errors="coerce").gt(0)
    found = rows.assign(hu_mean=rows["hu_mean"].mask(zeros))
    if "volume_ml" in rows.columns:
        found = found.assign(volume_ml=rows["volume_ml"].mask(zeros))
    if zeros.any():
        LOG.warning(
            "attenuations of 0.0 without a volume are excluded because TotalSegmentator writes 0.0 for structures that"
            " are absent, truncated, or failed (affected rows: %d); to include these values, set"
            " measure: {zero_hu: value}",
            zeros.sum(),
        )
    return found, zeros


def without_impossible(rows: pd.DataFrame, place: Path) -> tuple[pd.DataFrame, "pd.Series[bool]"]:
    """Remove the values of rows with a mean attenuation that is impossible for any structure.

    Both the volume and the attenuation of such a row are removed because the columns can be in a different order or on
    a different scale.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows with `scan_id`, `structure`, and, if the table contains it, `hu_mean` (HU).
    place : Path
        File, for messages.

    Returns
    -------
    rows : pandas.DataFrame
        The same rows, without values if the attenuation is impossible.
    impossible : pandas.Series of bool
        Whether the attenuation of a row is impossible.

    Raises
    ------
    ContractError
        If more than half of the attenuations are impossible, which indicates that the unit is not HU.

    Examples
    --------
    >>> table = {"scan_id": ["a", "b", "c"], "structure": "liver", "hu_mean": [60.0, 9000.0, 61.0]}
    >>> rows, impossible = without_impossible(pd.DataFrame(table), Path("measures.csv"))
    >>> rows["hu_mean"].tolist(), impossible.tolist()
    ([60.0, nan, 61.0], [False, True, False])

    """
    if "hu_mean" not in rows.columns:
        return rows, pd.Series(False, index=rows.index)
    hu = pd.to_numeric(rows["hu_mean"], errors="coerce")
    impossible = hu.notna() & ~hu.between(LOWEST_MEAN_HU, HIGHEST_MEAN_HU)
    if not impossible.any():
        return rows, impossible
    first = rows[impossible].iloc[0]
    if impossible.sum() > hu.notna().sum() / 2:
        raise ContractError(
            f"{place}: hu_mean must be between {LOWEST_MEAN_HU:g} and {HIGHEST_MEAN_HU:g} HU, but"
            f" {int(impossible.sum())} of {int(hu.notna().sum())} values are outside this range, first:"
            f" {first['structure']} of {first['scan_id']} ({hu[impossible].iloc[0]:g}); convert the values to HU"
            " or exclude hu_mean"
        )
    LOG.warning(
        "%s: values with a mean attenuation outside the range %g to %g HU are excluded (impossible_hu; affected rows:"
        " %d), first: %s of %s (%g); convert the values if they are on a different scale",
        place,
        LOWEST_MEAN_HU,
        HIGHEST_MEAN_HU,
        impossible.sum(),
        first["structure"],
        first["scan_id"],
        hu[impossible].iloc[0],
    )
    values = [name for name in rows.columns if name not in ("scan_id", "structure", "status")]
    return rows.assign(**{name: rows[name].mask(impossible) for name in values}), impossible


def reasons_in(rows: pd.DataFrame) -> tuple["pd.Series[str]", "pd.Series[str]"]:
    """Return the status and detail of rows without values.

    A table that this package wrote contains status and detail. In other tables, the status is `not_in_table`.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of a table of measures.

    Returns
    -------
    status, detail : pandas.Series of str
        Status in `measures` and its detail; the detail can be missing.

    Examples
    --------
    >>> status, _ = reasons_in(pd.DataFrame({"status": ["measured", "not_hu", "gone"]}))
    >>> status.tolist()
    ['not_in_table', 'not_hu', 'not_in_table']

    """
    nothing = pd.Series(None, index=rows.index, dtype="str")
    status = rows.get("status", nothing)
    ours = status.isin(set(MEASURE_STATUS) - {"measured"})
    return status.where(ours, "not_in_table"), rows.get("detail", nothing).where(ours)


def external_rows(
    table: pd.DataFrame,
    scan_ids: list[str],
    names: list[str],
    place: Path,
    zero_hu: str = "missing",
    excluded: Collection[str] = (),
) -> pd.DataFrame:
    """Convert a user's table of measures to the table `measures`, with a row for each scan and structure.

    If a scan and structure have no row, or neither volume nor attenuation, the status is `not_in_table`. Rows of scans
    outside the cohort and of structures outside the label set are omitted. If this package wrote the table, rows
    without values keep their status and detail.

    Parameters
    ----------
    table : pandas.DataFrame
        Long table with `scan_id`, `structure`, and measures.
    scan_ids : list of str
        Scans of the study.
    names : list of str
        Structures of the label set.
    place : Path
        File of the table, for messages.
    zero_hu : str
        `missing` or `value`: interpretation of an attenuation of 0.0 without a volume.
    excluded : collection of str
        Scans of the registry that are not in the study.

    Returns
    -------
    pandas.DataFrame
        One row per scan and structure, with the columns of `MEASURES_TABLE`.

    Raises
    ------
    ContractError
        If a required column is missing, if the table contains IDs of the cohort in a different spelling, or if no row
        belongs to the cohort and the label set.

    Examples
    --------
    >>> table = pd.DataFrame({"scan_id": ["s1"], "structure": ["liver"], "hu_mean": [61.5]})
    >>> external_rows(table, ["s1"], ["liver", "spleen"], Path("measures.csv"))["status"].tolist()
    ['measured', 'not_in_table']

    """
    needed = [name for name in ("scan_id", "structure") if name not in table.columns]
    if needed or not {"volume_ml", "hu_mean"} & set(table.columns):
        raise ContractError(
            f"{place}: the table requires the columns scan_id, structure, and volume_ml or hu_mean; found"
            f" {', '.join(table.columns)}; map the columns, for example, measure: {{columns: {{COLUMN: volume_ml}}}},"
            " or"
            " pivot a table with one row per measure so that each measure has a column"
        )
    known = table[[name for name in MEASURES_TABLE.columns if name in table.columns]]
    known = known.astype({"scan_id": str, "structure": str})
    ids = known["scan_id"].unique()
    absent = sorted(set(scan_ids) - set(ids))
    refuse_near_ids(absent, sorted(set(ids) - {*scan_ids, *excluded}), place, "an ID in the table")
    ours = known[known["scan_id"].isin(scan_ids) & known["structure"].isin(names)]
    if ours.empty:
        raise ContractError(
            f"{place}: no row has both a scan_id of the cohort and a structure of the label set; first scan_id and"
            f" structure of the table: {known['scan_id'].iloc[:1].tolist()}, {known['structure'].iloc[:1].tolist()};"
            f" first scan of the cohort: {scan_ids[:1]}; first structure of the label set: {names[:1]}; correct the IDs"
            " or names in the table, or the setting `structures`"
        )
    LOG.info("rows imported: %d; rows of other scans or structures omitted: %d", len(ours), len(known) - len(ours))
    ours, zeros = without_sentinels(ours) if zero_hu == "missing" else (ours, pd.Series(False, index=ours.index))
    ours, impossible = without_impossible(ours, place)
    values = [name for name in ("n_voxels", "volume_ml", "hu_mean") if name in ours.columns]
    present = ours[values].notna().any(axis=1)
    reason, detail = reasons_in(ours)
    states = ["impossible_hu", "zero_in_statistics", "measured"]
    status = np.select([impossible, zeros & ~present, present], states, reason)
    typed = ours.assign(status=status, detail=detail.mask(present)).reindex(columns=list(MEASURES_TABLE.columns))
    checked = MEASURES_TABLE.check(typed, where=place)
    every = pd.MultiIndex.from_product([scan_ids, names], names=["scan_id", "structure"])
    whole = checked.set_index(["scan_id", "structure"]).reindex(every).reset_index()
    return whole.assign(status=whole["status"].fillna("not_in_table"))
