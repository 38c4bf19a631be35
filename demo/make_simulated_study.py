"""Simulation of the published study: a registry of 4102 patients and a table of measures, without images.

    python demo/make_simulated_study.py            (part of `make simulated-study`, which then runs the study)

The data contain no real patients. Flow, sexes, and ages are the published values (Wasserthal et al., Radiol Artif
Intell 2023;5(5):e230024): of 4102 patients, 30 have no age, 33 have incomplete images, and 35 have no contrast agent;
the remaining 2543 men and 1461 women are 18 to 100 years old. Volume and attenuation of the 104 structures follow
`demo/simulated_study_structures.csv`, which defines the correlation of each structure with age:

- published: the published value,
- null: zero, independent of sex and height,
- plausible: a value chosen for this simulation, such as the value of another vertebra,
- sex_and_height: the correlation that results from sex and height; older patients are less often men, and are shorter.

Before the simulated failures, the rank correlation of the 4004 included patients with age equals the specified value,
except for the resolution of ranks. The results of the study therefore differ from the specified values because of
failures, screening, and the combination of sides, and not because of random variation. Only structures with zero
correlation vary randomly.
"""

import argparse
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

HERE = Path(__file__).parent
STRUCTURES = HERE / "simulated_study_structures.csv"
BOUNDS = HERE.parent / "workflow" / "ctpop" / "resources" / "structures" / "paper_104.csv"

SEED = 20230905
REMOVED = {"age": 30, "complete": 33, "contrast": 35}
N_MEN, N_WOMEN = 2543, 1461
AGES = (18, 100)
MEN_YOUNG, MEN_OLD = 0.78, 0.47  # share of men at 18 and 100 years, before the adjustment to the total
HEIGHT_CM = {"male": 178.0, "female": 165.0}
HEIGHT_SD, HEIGHT_PER_YEAR = 7.0, -0.08  # SOURCE: confounding example in docs/methods/confounders.md
SHARED = {"": 1.0, "ribs": 0.7}  # share of the spread that is common to the members of a pool
SHARED_PAIR = 0.8
VOXEL_ML = 1.5**3 / 1000
FAILURE_YOUNG, FAILURE_OLD = 0.4, 1.6  # factors of the failure rate of the structure at 18 and 100 years
FRAGMENT = (0.1, 0.9)  # range of the remaining share: of the lower bound, or of the volume if truncated
HALVINGS = 30

Values = np.ndarray


@dataclass(frozen=True)
class Patients:
    """Properties on which the measures of patients depend; `included` marks the 4004 patients of the cohort."""

    ids: list[str]
    age: Values
    male: Values
    height: Values
    included: Values


def stream(name: str) -> np.random.RandomState:
    """Return a random stream for a name; the streams of RandomState are identical in all versions of NumPy."""
    return np.random.RandomState(zlib.crc32(f"{SEED} {name}".encode()))


def draw_patients() -> Patients:
    """Return 4102 patients in random order; 4004 of them fulfill the criteria of the TotalSegmentator study."""
    random = stream("people")
    n, n_out = N_MEN + N_WOMEN, sum(REMOVED.values())
    low, high = AGES
    age = random.randint(low, high + 1, n + n_out).astype(float)
    age[:2] = AGES  # the 4004 patients include the youngest and the oldest age
    share = MEN_YOUNG + (MEN_OLD - MEN_YOUNG) * (age - low) / (high - low)
    # Men have the N_MEN largest sums of log odds and logistic noise: an exact number, with a share that falls with age.
    score = np.log(share / (1 - share)) + random.logistic(size=len(age))
    male = score >= np.sort(score[:n])[-N_MEN]
    height = np.where(male, HEIGHT_CM["male"], HEIGHT_CM["female"]) + HEIGHT_PER_YEAR * (age - low)
    height += HEIGHT_SD * random.standard_normal(len(age))
    order = random.permutation(len(age))
    ids = [f"sim{number:04d}" for number in range(1, len(age) + 1)]
    return Patients(ids, age[order], male[order], height[order].round(1), (np.arange(len(age)) < n)[order])


def registry_of(patients: Patients) -> pd.DataFrame:
    """Return the registry, in which each patient outside the cohort fails one criterion."""
    random = stream("registry")
    out = random.permutation(np.flatnonzero(~patients.included))
    lacking = dict(zip(REMOVED, np.split(out, np.cumsum(list(REMOVED.values()))[:-1]), strict=True))
    age = pd.Series(patients.age).astype("Int64")
    age[lacking["age"]] = pd.NA
    numbers = np.arange(len(patients.ids))
    return pd.DataFrame(
        {
            "scan_id": patients.ids,
            "patient_id": [name.replace("sim", "patient") for name in patients.ids],
            "age_years": age,
            "sex": np.where(patients.male, "male", "female"),
            "complete": np.where(np.isin(numbers, lacking["complete"]), "false", "true"),
            "contrast": np.where(np.isin(numbers, lacking["contrast"]), "false", "true"),
            "height_cm": patients.height,
            "year": random.randint(2011, 2021, len(patients.ids)),
            "scanner": random.choice(["A", "B", "C"], len(patients.ids)),
            "kvp": random.choice([100, 120], len(patients.ids), p=[0.3, 0.7]),
        }
    )


def rho_with_age(values: Values, patients: Patients) -> float:
    """Return the rank correlation with age in the 4004 patients of the cohort."""
    ranks = [rankdata(each[patients.included]) for each in (values, patients.age)]
    return float(np.corrcoef(ranks)[0, 1])


def noise_of(names: list[str], pooled: str, measure: str, n: int) -> dict[str, Values]:
    """Return standard normal noise for each structure; most of it is common to the members of a pool."""
    share = SHARED.get(pooled, SHARED_PAIR)
    common = stream(f"{pooled or names[0]} {measure} pool").standard_normal(n)
    return {
        name: share * common + np.sqrt(1 - share**2) * stream(f"{name} {measure} own").standard_normal(n)
        for name in names
    }


def slope_for(rho: float, pooled_at: Callable[[float], Values], patients: Patients) -> float:
    """Return the share of age in the spread (-1 to 1) for which the pooled values have the correlation `rho`."""
    low, high = -1.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = rho_with_age(pooled_at(middle), patients) < rho
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


def volumes_of(pool: pd.DataFrame, patients: Patients) -> dict[str, Values]:
    """Return the volume (mL) of each member of a pool: log-normal, larger in men and in tall patients."""
    noise = noise_of(list(pool["structure"]), pool["pooled"].iloc[0], "volume", len(patients.ids))

    def at(slope: float) -> dict[str, Values]:
        return {
            row["structure"]: row["volume_ml"]
            * np.exp(
                row["volume_male"] * (patients.male - patients.male.mean())
                + row["volume_10cm"] * (patients.height - patients.height.mean()) / 10
                + row["volume_spread"] * mixed(slope, noise[row["structure"]], patients)
            )
            for row in pool.to_dict("records")
        }

    return at(age_share(pool, "volume", lambda slope: sum(at(slope).values()), patients))


def attenuations_of(pool: pd.DataFrame, volumes: dict[str, Values], patients: Patients) -> dict[str, Values]:
    """Return the attenuation (HU) of each member of a pool: normal; that of the pool is weighted by volume."""
    noise = noise_of(list(pool["structure"]), pool["pooled"].iloc[0], "hu", len(patients.ids))

    def at(slope: float) -> dict[str, Values]:
        return {
            row["structure"]: row["hu_mean"]
            + row["hu_sd"]
            * (
                row["hu_male"] * (patients.male - patients.male.mean())
                + mixed(slope, noise[row["structure"]], patients)
            )
            for row in pool.to_dict("records")
        }

    def pooled(slope: float) -> Values:
        found = at(slope)
        return sum(volumes[name] * found[name] for name in found) / sum(volumes[name] for name in found)

    return at(age_share(pool, "hu", pooled, patients))


def mixed(slope: float, noise: Values, patients: Patients) -> Values:
    """Return a variable with variance 1 that combines age, weighted by `slope`, and noise."""
    low, high = AGES
    standard = (patients.age - (low + high) / 2) / ((high - low) / np.sqrt(12))
    return slope * standard + np.sqrt(1 - slope**2) * noise


def age_share(pool: pd.DataFrame, measure: str, pooled_at: Callable[[float], Values], patients: Patients) -> float:
    """Return the share of age in the spread of a pool; 0 if age has no independent effect."""
    first = pool.iloc[0]
    if first[f"{measure}_role"] in {"null", "sex_and_height"}:
        return 0.0
    return slope_for(float(first[f"{measure}_rho"]), pooled_at, patients)


def measures_of(row: dict[str, float], volume: Values, hu: Values, patients: Patients) -> pd.DataFrame:
    """Return the rows of a structure after failures (absent, fragment, truncated) whose rate increases with age."""
    random, n = stream(f"{row['structure']} failures"), len(patients.ids)
    low, high = AGES
    rate = row["failures"] * (FAILURE_YOUNG + (FAILURE_OLD - FAILURE_YOUNG) * (patients.age - low) / (high - low))
    failed = random.random_sample(n) < rate
    kind = random.choice(["absent", "fragment", "cut"], n)
    share = random.uniform(*FRAGMENT, n)
    absent, fragment, cut = (failed & (kind == word) for word in ("absent", "fragment", "cut"))
    left = np.select([absent, fragment, cut], [0.0, share * row["lower_bound_ml"], share * volume], volume)
    voxels = np.round(left / VOXEL_ML).astype(int)
    noisy = hu + np.where(fragment, row["hu_sd"] * random.standard_normal(n), 0)
    return pd.DataFrame(
        {
            "scan_id": patients.ids,
            "structure": row["structure"],
            "n_voxels": voxels,
            "volume_ml": np.round(voxels * VOXEL_ML, 6),
            "hu_mean": np.where(voxels > 0, np.round(noisy, 2), np.nan),
            "border_voxels": np.where(cut, np.maximum(1, voxels // 20), 0),
            "faces": pd.Series(np.where(cut & (voxels > 0), "superior", None), dtype="str"),
        }
    )


def read_structures() -> pd.DataFrame:
    """Return the specification of each structure, with the lower bound that its fragments do not reach."""
    specified = pd.read_csv(STRUCTURES, keep_default_na=False, na_values={"volume_rho": ""})
    bounds = pd.read_csv(BOUNDS)[["structure", "lower_bound_ml"]]
    return specified.merge(bounds, on="structure", validate="one_to_one")


def simulate(patients: Patients, structures: pd.DataFrame) -> pd.DataFrame:
    """Return the measures of all patients, ordered by structure."""
    pools = structures["pooled"].where(structures["pooled"].ne(""), structures["structure"])
    tables = []
    for _, pool in structures.groupby(pools, sort=False):
        volumes = volumes_of(pool, patients)
        hu = attenuations_of(pool, volumes, patients)
        tables += [
            measures_of(row, volumes[row["structure"]], hu[row["structure"]], patients)
            for row in pool.to_dict("records")
        ]
    return pd.concat(tables, ignore_index=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Simulate the registry and the measures of the published study.")
    parser.add_argument(
        "--folder", type=Path, default=HERE / "simulated_study", help="output folder (default: demo/simulated_study)"
    )
    options = parser.parse_args(arguments)
    patients = draw_patients()
    measures = simulate(patients, read_structures())
    options.folder.mkdir(parents=True, exist_ok=True)
    registry_of(patients).to_csv(options.folder / "registry.csv", index=False, lineterminator="\n")
    measures.to_parquet(options.folder / "measures.parquet", index=False)
    print(f"{options.folder} contains {len(patients.ids)} simulated patients and {len(measures)} rows of measures")


if __name__ == "__main__":
    main()
