"""Measures made elsewhere, taken over in place of images: a table, or a folder of statistics of each scan."""

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

WOMAN_OR_MAN = "m"  # mujer and mulher, beside male


@dataclass(frozen=True)
class Recorded:
    """What a registry has about the scans of a study, with which a table of measures is compared.

    Attributes
    ----------
    cohort : pandas.DataFrame
        One row per scan of the study, with `scan_id`, `age_years` (years) and `sex`.
    excluded : collection of str
        Scans of the registry that are not in the study.
    reading : Reading
        Settings for reading the registry, by which the words of the table are read, too.

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
    r"""Return the rows of `measures` of a table, or of a folder with TotalSegmentator's statistics of each scan.

    Parameters
    ----------
    path : Path
        Table, or folder of statistics.
    scan_ids : list of str
        Scans of the study.
    names : list of str
        Structures of the label set.
    reading : Reading
        Settings for reading a table.
    zero_hu : str
        `missing` or `value`: the meaning of an attenuation of 0.0 without a volume.
    recorded : Recorded, optional
        The registry, with which ids, ages and sexes of the table are compared (`refuse_other_patients`).

    Returns
    -------
    pandas.DataFrame
        One row per scan and structure, with the columns of `MEASURES_TABLE`.

    Raises
    ------
    ContractError
        If a folder has settings for columns, or the table cannot be read (`measures_table.read`), has other patients
        than the registry, or has no row of the study (`external_rows`).

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
            raise ContractError(f"measure.columns: is set, but {path} is a folder of statistics, which have no columns")
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
    """Refuse a table of measures whose ages or sexes contradict those of the registry: its ids may be exchanged.

    The words of the table are read with the settings of the registry. A letter `M` that stands for women in all rows of
    the table is another coding, and no contradiction.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Table under the names of this package, with or without `age_years` and `sex`.
    recorded : Recorded
        Ages and sexes of the registry.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If ages differ by more than a year, or sexes differ. Ages and sexes that cannot be read are not compared.

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
                f"{place}: line {line_of(wrong.index[0])}: column {name} must agree with the registry, found"
                f" {wrong['scan_id'].nunique()} scans where it does not, first {wrong['scan_id'].iloc[0]!r}; correct"
                " the ids, the cells or their unit, or leave the column out, as in"
                f" measure: {{columns: {{{name}: []}}}}"
            )


def _other_sexes(words: "pd.Series[str]", recorded: "pd.Series[str]") -> "pd.Series[bool]":
    """Return which words stand for another sex than the recorded one; `m` may stand for women in all rows."""
    meant = words.map(codings.SEXES)
    differing = meant.notna() & recorded.notna() & meant.ne(recorded)
    of_women = words.eq(WOMAN_OR_MAN) & recorded.notna()
    other_coding = recorded[of_women].eq("female").all() and not meant.eq("female").any()
    return differing & ~of_women if other_coding else differing


def without_sentinels(rows: pd.DataFrame) -> tuple[pd.DataFrame, "pd.Series[bool]"]:
    """Return rows without the zeros that TotalSegmentator writes for what it did not measure, and which rows had them.

    Its statistics have an attenuation of exactly 0.0 where a structure is absent, truncated or failed, beside a volume
    of 0.0, or alone in a table without volumes. With a volume above 0, an attenuation of 0 is a value.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows with `hu_mean` (HU), `volume_ml` (ml) or both.

    Returns
    -------
    rows : pandas.DataFrame
        The same rows; volume and attenuation are missing where they were such zeros.
    zeros : pandas.Series of bool
        Whether a row had them.

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
            "%d rows have an attenuation of 0.0 without a volume, as TotalSegmentator writes for structures that are"
            " absent, truncated or failed: they are not used; measure: {zero_hu: value} keeps them",
            zeros.sum(),
        )
    return found, zeros


def without_impossible(rows: pd.DataFrame, place: Path) -> tuple[pd.DataFrame, "pd.Series[bool]"]:
    """Return rows without mean attenuations that no structure can have, and which rows had them.

    Neither volume nor attenuation of such a row is used, since its columns may be in another order or on another scale.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows with `scan_id`, `structure` and, if the table has it, `hu_mean` (HU).
    place : Path
        File, for messages.

    Returns
    -------
    rows : pandas.DataFrame
        The rows; without values where the attenuation is impossible.
    impossible : pandas.Series of bool
        Which rows these are.

    Raises
    ------
    ContractError
        If most attenuations are such ones, so that the table is not in HU.

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
            f"{place}: hu_mean must be {LOWEST_MEAN_HU:g} to {HIGHEST_MEAN_HU:g} HU, found {int(impossible.sum())} of"
            f" {int(hu.notna().sum())} values outside, first {first['structure']} of {first['scan_id']}"
            f" ({hu[impossible].iloc[0]:g}), so that they are not HU; convert the values, or leave the column out"
        )
    LOG.warning(
        "%s: %d rows have a mean attenuation outside %g to %g HU, first %s of %s (%g): they are not used"
        " (impossible_hu); correct them if they are on another scale",
        place,
        impossible.sum(),
        LOWEST_MEAN_HU,
        HIGHEST_MEAN_HU,
        first["structure"],
        first["scan_id"],
        hu[impossible].iloc[0],
    )
    values = [name for name in rows.columns if name not in ("scan_id", "structure", "status")]
    return rows.assign(**{name: rows[name].mask(impossible) for name in values}), impossible


def reasons_in(rows: pd.DataFrame) -> tuple["pd.Series[str]", "pd.Series[str]"]:
    """Return status and detail of rows without values: those of a table that this package wrote, or `not_in_table`.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of a table of measures.

    Returns
    -------
    status, detail : pandas.Series of str
        Status in `measures`, and its detail where there is one.

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
    """Return a user's table of measures as `measures`: every scan of the cohort with every structure.

    A scan and structure without a row, or with neither volume nor attenuation, is `not_in_table`. Rows of scans
    outside the cohort and of structures outside the label set are set aside. A table that this package wrote keeps the
    status and detail of rows without values.

    Parameters
    ----------
    table : pandas.DataFrame
        Long table with `scan_id`, `structure` and measures.
    scan_ids : list of str
        Scans of the study.
    names : list of str
        Structures of the label set.
    place : Path
        File of the table, for messages.
    zero_hu : str
        `missing` or `value`: the meaning of an attenuation of 0.0 without a volume.
    excluded : collection of str
        Scans of the registry that are not in the study.

    Returns
    -------
    pandas.DataFrame
        One row per scan and structure, with the columns of `MEASURES_TABLE`.

    Raises
    ------
    ContractError
        If a needed column is missing, ids of the cohort have another spelling, or no row belongs to the cohort and the
        label set.

    Examples
    --------
    >>> table = pd.DataFrame({"scan_id": ["s1"], "structure": ["liver"], "hu_mean": [61.5]})
    >>> external_rows(table, ["s1"], ["liver", "spleen"], Path("measures.csv"))["status"].tolist()
    ['measured', 'not_in_table']

    """
    needed = [name for name in ("scan_id", "structure") if name not in table.columns]
    if needed or not {"volume_ml", "hu_mean"} & set(table.columns):
        raise ContractError(
            f"{place}: columns scan_id, structure and volume_ml or hu_mean are needed, found"
            f" {', '.join(table.columns)}; state which is which, as in measure: {{columns: {{COLUMN: volume_ml}}}}, or"
            " pivot a table with a row per measure, so that it has a column per measure"
        )
    known = table[[name for name in MEASURES_TABLE.columns if name in table.columns]]
    known = known.astype({"scan_id": str, "structure": str})
    ids = known["scan_id"].unique()
    absent = sorted(set(scan_ids) - set(ids))
    refuse_near_ids(absent, sorted(set(ids) - {*scan_ids, *excluded}), place, "the table")
    ours = known[known["scan_id"].isin(scan_ids) & known["structure"].isin(names)]
    if ours.empty:
        raise ContractError(
            f"{place}: no row has a scan_id of the cohort and a structure of the label set; the table has"
            f" {known['scan_id'].iloc[:1].tolist()} and {known['structure'].iloc[:1].tolist()}, the cohort"
            f" {scan_ids[:1]}, and the label set {names[:1]}: correct the ids or names, or structures:"
        )
    LOG.info("%d rows taken over, %d of other scans or structures set aside", len(ours), len(known) - len(ours))
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
