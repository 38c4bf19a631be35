"""Generate r_data.csv, and write the results of base R for these data to r_values.csv.

    apt-get install --no-install-recommends r-base-core
    python tests/reference/r_values.py

The data contain ages in whole years, values that decrease and scatter more with age, the same values rounded to tens
(ties), height, and sex.
"""

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def patients(n: int, seed: int) -> pd.DataFrame:
    """Return patients with a continuous and a rounded outcome."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 101, n)
    male = (rng.random(n) < 0.84 - 0.005 * (age - 18)).astype(int)
    height = (165 + 12 * male - 0.08 * age + 6 * rng.normal(size=n)).round(1)
    value = (60 - 0.4 * age + 0.2 * height + (4 + 0.15 * age) * rng.normal(size=n)).round(6)
    return pd.DataFrame({"age": age, "male": male, "height": height, "value": value, "rounded": value.round(-1)})


if __name__ == "__main__":
    patients(240, 20231).to_csv(HERE / "r_data.csv", index=False, lineterminator="\n")
    subprocess.run(["Rscript", HERE / "r_values.R", HERE / "r_data.csv", HERE / "r_values.csv"], check=True)
