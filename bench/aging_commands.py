"""Simulated cohorts and commands of the aging stage for `aging.py`: time and memory of complete commands."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as parquet
from machine import grouped
from runs import measured

from ctpop.contracts import all_tables
from ctpop.study import configuration, label_sets

LABEL_SET = "paper_104"
MISSING = 0.05  # proportion of missing values
CHANGE_POINTS = 10  # number of structures with a change point
TIERS_A_AND_B = ("aging", "adjust", "effects", "missing")
MOST_SECONDS = {"tiers A and B": 120, "centiles": 240, "change-points": 60}  # limits on two cores
MOST_GB = 4
OUTPUTS = {  # options of the commands that name their output tables, and the tables
    "aging": ("normality", "associations", "groups", "posthoc"),
    "adjust": ("adjusted", "by-sex", "rank-ancova", "age-curves"),
    "effects": ("age-effects", "age-models", "sex-differences", "body-size", "detectable-effects"),
    "missing": ("missingness", "sensitivity"),
    "centiles": ("centiles", "models", "calibration", "worms", "z-scores"),
    "change-points": ("change-points", "curves"),
}


@dataclass(frozen=True)
class Cost:
    """Time and memory of a command."""

    seconds: float
    gb: float


def cohort_of(patients: int, scans: int = 1) -> pd.DataFrame:
    """Return a cohort with ages in whole years, sex, height, tube voltage, and scanner; scans are a year apart."""
    n, random = patients * scans, np.random.default_rng(0)
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    patient, scan = np.divmod(np.arange(n), scans)
    male = random.integers(0, 2, patients)[patient]
    return all_tables.COHORT.check(
        table.assign(
            scan_id=[f"scan{number:06d}" for number in range(n)],
            patient_id=[f"patient{number:06d}" for number in patient],
            age_years=random.integers(18, 101 - scans, patients)[patient] + scan.astype(float),
            sex=np.where(male, "male", "female"),
            height_cm=(165 + 12 * male + 6 * random.normal(size=patients)[patient]).round(),
            kvp=random.choice([100.0, 120.0], n),
            scanner=[f"scanner{number}" for number in random.integers(0, 8, n)],
        )
    )


def analysis_of(cohort: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return simulated values with various associations with age; the values of every second series are rounded."""
    random, ages = np.random.default_rng(1), cohort["age_years"].to_numpy(dtype=float)
    patient = cohort["patient_id"].factorize()[0]
    parts = []
    for name in names:
        for measure in all_tables.MEASURES:
            noise = 0.9 * random.normal(size=patient.max() + 1)[patient] + 0.4 * random.normal(size=len(ages))
            trend = random.normal(0, 0.4) * (ages - ages.mean()) / ages.std() + noise
            values = 100 * np.exp(0.2 * trend) if measure == "volume_ml" else np.round(50 + 12 * trend)
            kept = random.random(len(ages)) >= MISSING
            ids = cohort["scan_id"].to_numpy()[kept]
            parts.append(pd.DataFrame({"scan_id": ids, "structure": name, "measure": measure, "value": values[kept]}))
    return pd.concat(parts, ignore_index=True)


def verdicts_of(cohort: pd.DataFrame, analysis: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return a verdict on each structure of each scan; structures with a missing value are truncated."""
    pairs = pd.MultiIndex.from_product([cohort["scan_id"], names], names=["scan_id", "structure"])
    table = pd.DataFrame(dict.fromkeys(all_tables.VERDICTS.columns), index=range(len(pairs)))
    table[["scan_id", "structure"]] = pairs.to_frame(index=False)
    usable = {
        measure: pairs.isin(pd.MultiIndex.from_frame(rows[["scan_id", "structure"]]))
        for measure, rows in analysis.groupby("measure")
    }
    both = usable["volume_ml"] & usable["hu_mean"]
    reason = np.where(both, "ok", "truncated")
    found = {"usable_volume": usable["volume_ml"], "usable_hu": usable["hu_mean"], "reason": reason}
    return all_tables.VERDICTS.check(table.assign(**found, rule_reason=reason))


def write_cohort(folder: Path, cohort: pd.DataFrame, *, with_groups: bool = False) -> int:
    """Write `cohort`, `analysis`, `verdicts`, and `study.yaml` to a folder, and return the number of values."""
    folder.mkdir(parents=True, exist_ok=True)
    known = label_sets.read(LABEL_SET)
    names = [*known.names, *(known.groups if with_groups else ())]
    all_tables.COHORT.write(cohort, folder / "cohort.parquet")
    values = analysis_of(cohort, names).sort_values(list(all_tables.ANALYSIS.key))
    parquet.write_table(arrow.Table.from_pandas(values, preserve_index=False), folder / "analysis.parquet")
    if with_groups:
        single = values[values["structure"].isin(known.names)]
        all_tables.VERDICTS.write(verdicts_of(cohort, single, known.names), folder / "verdicts.parquet")
    settings = {"aging": {"change_points": known.names[:CHANGE_POINTS]}, "cohort": {"criteria": []}}
    configuration.write(settings, folder)
    return len(values)


def cost_of(command: str, folder: Path) -> Cost:
    """Run a command of the aging stage on the tables of a folder and return its cost."""
    files = [word for name in OUTPUTS[command] for word in (f"--{name}", str(folder / "tables" / f"{name}.parquet"))]
    given = ["--analysis", str(folder / "analysis.parquet"), "--cohort", str(folder / "cohort.parquet")]
    given += ["--verdicts", str(folder / "verdicts.parquet")] if command == "missing" else []
    given += ["--threads", "2"] if command == "centiles" else []
    config = next(folder.glob("*.yaml"))
    words = [command, *given, "--structures", LABEL_SET, "--config", str(config), *files]
    found = measured([sys.executable, "-m", "ctpop", *words])
    return Cost(found.seconds, found.host_mb / 1024)


def command_rows(patients: int, scans: int, folder: Path) -> list[list[str]]:
    """Return the rows of the table of all commands for a cohort, with the sum of tiers A and B."""
    values = write_cohort(folder, cohort_of(patients, scans), with_groups=True)
    costs = {command: cost_of(command, folder) for command in OUTPUTS}
    tiers = [costs[command] for command in TIERS_A_AND_B]
    costs["tiers A and B"] = Cost(sum(cost.seconds for cost in tiers), max(cost.gb for cost in tiers))
    whole = f"{grouped(patients)} × {scans}"
    return [
        [whole, f"{values:,}", command, f"{cost.seconds:.1f}", f"{cost.gb:.1f}", met(command, cost)]
        for command, cost in costs.items()
    ]


def met(command: str, cost: Cost) -> str:
    """Return whether a command is within its limits of time and memory; a dash without a limit of time."""
    if command not in MOST_SECONDS:
        return "–" if cost.gb < MOST_GB else "no"
    return "yes" if cost.seconds < MOST_SECONDS[command] and cost.gb < MOST_GB else "no"
