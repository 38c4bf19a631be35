"""Measure the cohort stage on synthetic registries of 100,000 scans: standard format, mapped columns, and a workbook.

    python bench/cohort.py --work FOLDER > bench/cohort.md

Each registry has three series per patient, missing values in every column, and 30 additional columns. `cohort` is the
command with all its tables, `describe` writes Table 1 and the flow diagram, and `digests` is the computation that the
Snakefile performs whenever it is parsed. Memory is the peak of the largest process, including libraries.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from machine import heading, load, table
from runs import measured

from ctpop.study.configuration import write

MOST_SECONDS, MOST_GB = 20, 2
FURTHER = 30  # number of columns that the study does not read
RULES = [
    "age_known",
    "complete",
    "contrast_enhanced",
    {"name": "adult", "sentence": "Younger than 18 years", "column": "age_years", "at_least": 18},
    {"name": "thin", "sentence": "Slices above 3 mm", "column": "thickness_mm", "between": [0, 3]},
    {"name": "soft", "sentence": "Sharp kernel", "column": "kernel", "in": ["B30f", "Br40d"]},
    {"name": "no_gaps", "sentence": "Slices missing", "column": "n_gaps", "equals": 0},
    {"name": "one", "sentence": "Another scan of the patient", "one_per_patient": "first", "by": "day"},
]
READING = {
    "columns": {"image": "scan_id", "person": "patient_id", "age": "age_years", "gender": "sex"},
    "values": {"sex": {"m": "male", "f": "female"}},
    "missing": ["N-A"],
}
THEIR_NAMES = {ours: theirs for theirs, ours in READING["columns"].items()}
DIGESTS = """
import json, sys
from ctpop.study import shards
from ctpop.study.registry_options import reading_of
print(len(shards.shard_digests(sys.argv[1], 256, reading_of(json.loads(sys.argv[2])))))
"""


def registry(scans: int, seed: int = 1) -> pd.DataFrame:
    """Return a registry in the standard format with 10% missing values in optional columns."""
    random = np.random.default_rng(seed)

    def gaps(values: np.ndarray) -> pd.Series:
        return pd.Series(values, dtype=object).mask(random.random(scans) < 0.1)

    patients = np.arange(scans) // 3
    columns = {
        "scan_id": [f"scan{number:06d}" for number in range(scans)],
        "patient_id": [f"patient{number:06d}" for number in patients],
        "age_years": gaps(random.integers(0, 100, scans)),
        "sex": gaps(random.choice(["female", "male"], scans)),
        "ct_path": [f"images/scan{number:06d}.nii.gz" for number in range(scans)],
        "complete": gaps(random.choice(["true", "true", "false"], scans)),
        "contrast": gaps(random.choice(["true", "true", "false"], scans)),
        "contrast_header": gaps(random.choice(["true", "false"], scans)),
        "thickness_mm": gaps(random.choice([0.75, 1.5, 3, 5], scans)),
        "kernel": gaps(random.choice(["B30f", "Br40d", "B70f"], scans)),
        "n_gaps": gaps(random.integers(0, 2, scans)),
        "day": gaps(random.integers(0, 3650, scans)),
    }
    further = {f"further_{number:02d}": gaps(random.integers(0, 1000, scans)) for number in range(FURTHER)}
    return pd.DataFrame({**columns, **further})


def in_their_shape(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the registry with other column names and other codes for sex."""
    words = frame["sex"].map({"male": "m", "female": "f"}).fillna("N-A")
    return frame.assign(sex=words).rename(columns=THEIR_NAMES)


def commands(path: Path, settings: dict[str, object], work: Path) -> dict[str, list[str]]:
    """Return the three commands that read a registry."""
    files = {name: str(work / f"{name}.parquet") for name in ("cohort", "exclusions", "flow", "overlap")}
    written = [word for name, file in files.items() for word in (f"--{name}", file)]
    read = [word for name in ("cohort", "exclusions", "flow") for word in (f"--{name}", files[name])]
    text, stage = json.dumps(settings), [sys.executable, "-m", "ctpop"]
    config = ["--config", str(write({"cohort": settings}, work))]
    where = ["--table1", str(work / "table1.parquet"), "--report", str(work), "--figures", str(work)]
    return {
        "cohort": [*stage, "cohort", "--registry", str(path), "--start-from", "images", *config, *written],
        "describe": [*stage, "describe", *config, *read, *where],
        "digests": [sys.executable, "-c", DIGESTS, str(path), text],
    }


def main() -> None:
    """Measure and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the registries and the tables")
    parser.add_argument("--scans", type=int, default=100_000)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    before, frame = load(), registry(options.scans)
    ours, theirs, book = (options.work / f"{name}" for name in ("ours.csv", "theirs.tsv", "theirs.xlsx"))
    frame.to_csv(ours, index=False)
    in_their_shape(frame).to_csv(theirs, index=False, sep="\t")
    in_their_shape(frame).to_excel(book, index=False)
    rows = []
    for name, path, settings in (
        ("standard format, three criteria", ours, {}),
        ("standard format, eight criteria", ours, {"criteria": RULES}),
        ("mapped columns, TSV, eight criteria", theirs, {"criteria": RULES, **READING}),
        ("mapped columns, workbook, eight criteria", book, {"criteria": RULES, **READING}),
    ):
        for program, command in commands(path, {**settings, "table1": ["kernel"]}, options.work).items():
            cost = measured(command)
            gb = cost.host_mb / 1024
            held = "yes" if cost.seconds < MOST_SECONDS and gb < MOST_GB else "no"
            rows.append([name, program, f"{cost.seconds:.1f}", f"{gb:.2f}", held])
    head = ["registry", "command", "time (s)", "memory (GB)", f"less than {MOST_SECONDS} s and {MOST_GB} GB"]
    about = f"{options.scans:,} scans, {len(frame.columns)} columns"
    sys.stdout.write(f"{heading(before)}\n\n{about}.\n\n{table(head, rows)}\n")


if __name__ == "__main__":
    main()
