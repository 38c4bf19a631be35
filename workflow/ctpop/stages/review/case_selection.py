"""Which masks a reviewer is shown: all that the rules flag, extreme values, and a random sample of the others."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.foundation import digests

KEY = ["scan_id", "structure"]


def chosen_cases(
    verdicts: pd.DataFrame, measures: pd.DataFrame, sample_share: float, extremes: pd.DataFrame
) -> pd.DataFrame:
    """Return the cases of a reviewer: columns scan_id, structure and chosen, sorted by key.

    A case of the random sample is one whether or not its value is extreme, so that the sample stays a random one.

    What the rules say decides, not what a reviewer made of it: a review changes no case. There is nothing to see of
    a structure without a voxel, whatever is held against it, and nothing to decide of a scan with the images of another
    one.

    Parameters
    ----------
    verdicts
        Columns scan_id, structure, rule_reason.
    measures
        Columns scan_id, structure, n_voxels (missing: not measured).
    sample_share
        Share of the cases with nothing against them that are drawn, too (0 to 1).
    extremes
        Columns scan_id, structure of those with extreme values; a case may stand there several times.

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
    """Return which cases are in a random sample; a case is in by its own name, whatever other cases there are."""
    drawn = [_uniform(f"{scan} {structure}") < share for scan, structure in zip(scan_ids, structures, strict=True)]
    return np.array(drawn, dtype=bool)


def _uniform(name: str) -> float:
    """Return a number from 0 to 1 that looks random and follows from a name."""
    return digests.number_of(name) / 2**64
