"""Compare the tables of two runs of a study value by value, including renamed tables and columns.

    python bench/same_results.py BEFORE AFTER        # two result folders, such as results/demo of two checkouts

Tables and shards are matched by name; `RENAMED` contains the earlier and the current names. Files whose bytes can
differ (times, logs, provenance with versions and paths) are not compared. The script prints one line per type of file
and ends with exit code 1 if there is a difference.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

RENAMED = {  # current part of a path by its earlier name
    "tables/qc.": "tables/review_cases.",
    "shards/qc/": "shards/review/",
    "report/qc/": "report/review/",
}
RENAMED_COLUMNS = {"twin_ratio": "contralateral_ratio"}
RENAMED_TEXTS = {r"^twin(?=\d{4}$)": "sim"}  # identifiers of the simulated study
KINDS = (
    "tables/*.parquet",
    "shards/*/*.parquet",
    "histograms/*.parquet",
    "masks/*.nii.gz",
    "report/*/images/**/*.webp",
)


def renamed(name: str) -> str:
    """Return the current name of a file of the earlier run."""
    for before, after in RENAMED.items():
        name = name.replace(before, after)
    return name


def same(before: Path, after: Path) -> bool:
    """Return whether two files have equal values (tables) or equal bytes (other files)."""
    if before.suffix == ".parquet":
        earlier = pd.read_parquet(before).rename(columns=RENAMED_COLUMNS)
        later = pd.read_parquet(after)
        texts = earlier.select_dtypes(["string", "category"]).columns
        earlier[texts] = earlier[texts].astype("str").replace(RENAMED_TEXTS, regex=True)
        return earlier.equals(later.astype(dict.fromkeys(later.select_dtypes("category").columns, "str")))
    return before.read_bytes() == after.read_bytes()


def main() -> int:
    """Compare the result folders and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="result folder of the earlier run")
    parser.add_argument("after", type=Path, help="result folder of the later run")
    options = parser.parse_args()
    differences = 0
    for kind in KINDS:
        names = {path.relative_to(options.before).as_posix() for path in options.before.glob(kind)}
        expected = {renamed(name) for name in names}
        found = {path.relative_to(options.after).as_posix() for path in options.after.glob(kind)}
        unequal = [
            name
            for name in sorted(names)
            if renamed(name) in found and not same(options.before / name, options.after / renamed(name))
        ]
        print(
            f"{kind}: {len(expected & found)} compared, {len(unequal)} unequal, {len(expected ^ found)} in one run only"
        )
        for name in [*unequal, *sorted(expected ^ found)]:
            print(f"  {name}")
        differences += len(unequal) + len(expected ^ found)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
