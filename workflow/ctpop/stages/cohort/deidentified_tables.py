"""De-identified tables of a study for export, without rows of individual patients and without small counts."""

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.documents.table1 import STATISTICS
from ctpop.stages.cohort.suppression import BELOW, Sum, hidden

SMALL, WITHHELD = f"<{BELOW}", "withheld"
MEANING = (
    f"{SMALL}: count from 1 to {BELOW - 1}. {WITHHELD}: count suppressed because a small count could be computed from"
    " it. Ages above 89 years were set to 90 before all computations. Minimum and maximum values, which belong to"
    " individual patients, are omitted. Patient counts are reported in Table 1 only."
)


def chain(places: list[int]) -> list[Sum]:
    """Return the sums of a flow from the positions of n before, followed by n removed and n after for each step."""
    left, removed = places[0::2], places[1::2]
    return [Sum(left[start], (*removed[start:end], left[end])) for start, end in combinations(range(len(left)), 2)]


def shown_flow(flow: pd.DataFrame, overlap: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the flow and the overlap of its criteria as text, without small counts and counts that disclose them.

    Both tables are suppressed together: the first criterion removes all scans that fail it, and the second removes all
    scans that fail it except those that fail both. The last n_after, the number of scans in the cohort, is also in
    Table 1; therefore, other counts are suppressed instead.
    """
    if flow.empty:
        return with_flow_words(flow.astype("string"), [""]), overlap.astype("string").drop(columns="n_patients_both")
    counts = flow_counts(flow)
    cells = overlap[["order", "other_order", "n_both"]].to_numpy(dtype=int).tolist()
    both = {(one, other): n for one, other, n in cells if one <= other}
    place = {pair: len(counts) + number for number, pair in enumerate(both)}
    sums = [*chain(list(range(len(counts)))), Sum(place[1, 1], (1,))]
    if len(flow) > 1:
        sums.append(Sum(place[2, 2], (place[1, 2], 3)))
    mask = hidden([*counts, *both.values()], sums, public=[len(counts) - 1])
    words = as_words([*counts, *both.values()], mask)
    pairs = [words[place[min(one, other), max(one, other)]] for one, other, _ in cells]
    return with_flow_words(flow, words[: len(counts)]), overlap.assign(n_both=pairs).drop(columns="n_patients_both")


def shown_structure_flow(structure_flow: pd.DataFrame) -> pd.DataFrame:
    """Return the flow of each structure and measure as text, without small counts and counts that disclose them."""
    frames = []
    for _, flow in structure_flow.groupby(["structure", "measure"], sort=False):
        counts = flow_counts(flow)
        mask = hidden(counts, chain(list(range(len(counts)))), public=[0])  # number of scans in the cohort
        frames.append(with_flow_words(flow, as_words(counts, mask)))
    return pd.concat(frames, ignore_index=True) if frames else with_flow_words(structure_flow.astype("string"), [""])


def shown_associations(associations: pd.DataFrame, structure_flow: pd.DataFrame) -> pd.DataFrame:
    """Return the correlations with n as in the exported flow, without results from fewer than `BELOW` patients."""
    last = structure_flow.drop_duplicates(["structure", "measure"], keep="last").set_index(["structure", "measure"])
    key = pd.MultiIndex.from_frame(associations[["structure", "measure"]])
    own = pd.Series(as_words(list(associations["n"]), associations["n"].between(1, BELOW - 1).to_numpy()))
    n = pd.Series(last["n_after"].reindex(key).to_numpy()).fillna(own).to_numpy()
    results = [name for name in associations.columns if name not in {"structure", "measure", "family", "n"}]
    few = associations["n_patients"] < BELOW
    shown = associations.assign(n=n, **{name: associations[name].mask(few) for name in results})
    return shown.drop(columns="n_patients")


def shown_table1(table: pd.DataFrame) -> pd.DataFrame:
    """Return Table 1 without small counts and counts that disclose them; column `withheld` contains the replacements.

    In each row, the count of all scans is the sum over the sexes and the sum over the age quartiles. In each column,
    the count of all scans of a group is the sum over the levels of a variable. Percentages are removed if a level of
    their column is suppressed, because they would disclose the suppressed count.
    """
    table = table.drop(columns="n_patients")
    additive = table["variable"].ne("patients").to_numpy()
    rows = table.loc[additive].reset_index(drop=True)
    mask = hidden(list(rows["n"].astype("int64")), sums_of(rows))
    shown = rows.assign(
        withheld=pd.Series(as_words(list(rows["n"]), mask), dtype="string").where(mask), n=rows["n"].mask(mask)
    )
    withheld_somewhere = shown["withheld"].notna().groupby([shown["variable"], shown["group_order"]]).transform("any")
    few = rows["level"].eq("known") & (rows["n"] < BELOW)
    shown["share"] = shown["share"].mask(withheld_somewhere)
    shown[list(STATISTICS)] = shown[list(STATISTICS)].mask(few)
    patients = table.loc[~additive].reset_index(drop=True)
    scans = shown.loc[shown["variable"].eq("scans"), ["group_order", "withheld"]]
    patients = patients.merge(scans, on="group_order", how="left", validate="1:1")
    small = patients["n"].between(1, BELOW - 1)
    patients["withheld"] = patients["withheld"].mask(small, SMALL)
    patients["n"] = patients["n"].mask(patients["withheld"].notna())
    return pd.concat([shown, patients], ignore_index=True).sort_values(["order", "group_order"], ignore_index=True)


def sums_of(rows: pd.DataFrame) -> list[Sum]:
    """Return the sums in Table 1, by the positions of its rows."""
    sums = []
    for _, line in rows.groupby("order"):
        [total] = line.index[line["grouping"] == "all"]
        for grouping in ("sex", "age_quartile"):
            sums.append(Sum(int(total), tuple(map(int, line.index[line["grouping"] == grouping]))))
    for _, column in rows.groupby("group_order"):
        [total] = column.index[column["variable"] == "scans"]
        for _, levels in column[column["variable"] != "scans"].groupby("variable"):
            sums.append(Sum(int(total), tuple(map(int, levels.index))))
    return [line for line in sums if line.parts]


def flow_counts(flow: pd.DataFrame) -> list[int]:
    """Return n before the first step, followed by n removed and n after for each step."""
    steps = flow[["n_removed", "n_after"]].to_numpy().ravel()
    return [int(flow["n_before"].iloc[0]), *map(int, steps)]


def with_flow_words(flow: pd.DataFrame, words: list[str]) -> pd.DataFrame:
    """Return a flow with these words as counts, without patient counts, which would disclose suppressed counts."""
    left, removed = words[0::2], words[1::2]
    shown = flow.assign(n_before=left[:-1], n_removed=removed, n_after=left[1:])
    return shown.drop(columns=[f"n_patients_{place}" for place in ("before", "removed", "after")])


def as_words(counts: list[int], mask: NDArray[np.bool_]) -> list[str]:
    """Return counts as text; suppressed counts are replaced."""
    return [
        (SMALL if 0 < count < BELOW else WITHHELD) if covered else str(count)
        for count, covered in zip(counts, mask, strict=True)
    ]
