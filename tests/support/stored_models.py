"""A table `centile_models` with one model that is written by hand."""

from pathlib import Path

import pandas as pd

from ctpop.contracts import all_tables


def write_model(path: Path, structure: str = "spleen") -> pd.DataFrame:
    """Write the model of the volume of a structure in women: coefficient of variation 0.2, no skewness.

    The median is 100 mL at 20 years and 200 mL at 80 years, and its logarithm is linear in age.
    """
    row = dict.fromkeys(all_tables.CENTILE_MODELS_TABLE.columns)
    row |= {"structure": structure, "measure": "volume_ml", "sex": "female", "model": "bccg", "status": "ok"}
    row |= {"chosen": True, "n": 500, "n_patients": 500, "age_min": 20.0, "age_max": 80.0, "unit": "mL"}
    row |= {"location_knots": "20;80", "location": "4.6051701859880918;5.2983173665480363"}  # ln 100 and ln 200
    row |= {"spread_knots": "20;80", "log_spread": "-1.6094379124341003;-1.6094379124341003"}  # ln 0.2
    row |= {"skew_ages": "50", "skew": "0", "log_tail": 0.0}
    row |= {"label_set": "demo", "label_set_digest": "0" * 16, "ctpop_version": "1", "reason": "ok"}
    return all_tables.CENTILE_MODELS_TABLE.write(pd.DataFrame([row]), path)
