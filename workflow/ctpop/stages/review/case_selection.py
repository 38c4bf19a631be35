"""Selection of masks for review: flagged masks, masks with extreme values, and a random sample of the others."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.foundation import digests

KEY = ["scan_id", "structure"]


def chosen_cases(
    verdicts: pd.DataFrame, measures: pd.DataFrame, sample_share: float, extremes: pd.DataFrame
) -> pd.DataFrame:
    """Return the cases for review: columns scan_id, structure, and chosen, sorted by key.

    A case in the random sample is labeled `sample` even if its value is extreme; otherwise, the sample would not be
    random. The selection depends on the result of the rules and not on QC decisions, so a review does not change it.
    Structures without voxels and scans with the same images as another scan are not selected.

    Parameters
    ----------
    verdicts
        Columns scan_id, structure, rule_reason.
    measures
        Columns scan_id, structure, n_voxels (missing: not measured).
    sample_share
        Share of the unflagged cases in the random sample (0 to 1).
    extremes
        Columns scan_id, structure of the cases with extreme values; duplicates are allowed.

    """
    seen = measures.loc[measures["n_voxels"].fillna(0) > 0, KEY]
    joined = seen.merge(verdicts[[*KEY, "rule_reason"]], on=KEY, how="left", validate="one_to_one")
    joined = joined[joined["rule_reason"].ne("duplicate_images")]
    flagged = joined["rule_reason"].ne("ok").to_numpy(dtype=bool)
    sampled = in_sample(joined["scan_id"], joined["structure"], sample_share)
    outer = pd.MultiIndex.from_frame(joined[KEY]).isin(pd.MultiIndex.from_frame(extremes[KEY].astype("str")))
    chosen = joined[KEY].assign(chosen=np.select([flagged, sampled], ["flagged", "sample"], "extreme"))
    return chosen[flagged | sampled | outer].sort_values(KEY, ignore_index=True)


def in_sample(scan_ids: "pd.Series[str]", structures: "pd.Series[str]", share: float) -> NDArray[np.bool_]:
    """Return whether each case is in the random sample; the result for a case depends only on its name."""
    drawn = [_uniform(f"{scan} {structure}") < share for scan, structure in zip(scan_ids, structures, strict=True)]
    return np.array(drawn, dtype=bool)


def _uniform(name: str) -> float:
    """Return a pseudorandom number from 0 to 1 that is determined by a name."""
    return digests.number_of(name) / 2**64
