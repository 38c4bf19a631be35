"""Tests of the strict rules from images to results: an error in one label map changes only the results of this scan."""

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import MEASURES_TABLE, REGISTRY_COLUMNS, VERDICTS
from support.config_files import config_option
from support.evidence import changed_rows
from support.solids import ball, box
from support.volumes import affine, hu, label_set, save

SHAPE, SPACING_MM = (40, 100, 48), (4.0, 1.0, 4.0)  # small spacing along y, the direction of ribs
LABELS = label_set("vertebrae_L1", "liver", "kidney_left", "kidney_right", "rib_left_10", "rib_right_10", bound_ml=1.0)
NUMBER = LABELS.label_of
WHERE = affine(SPACING_MM, origin_mm=(-110.0, -50.0, 200.0))  # the patient is not in the center of the image
N_PATIENTS, CHANGED = 24, "s07"
LEFT, RIGHT = 20, 140  # mm from the left edge of the image; the spine is at 80


def patient(seed):
    """Return a correct label map in which sizes vary, with small differences between the two sides."""
    random = np.random.default_rng(seed)
    size = random.uniform(0.9, 1.1)
    radius = {side: 20 * size * random.uniform(0.99, 1.01) for side in ("left", "right")}
    length = {side: int(80 * size * random.uniform(0.96, 1.04)) for side in ("left", "right")}
    masks = {
        "vertebrae_L1": box(SHAPE, (17, 40, 20), (24, 70, 26)),
        "liver": ball(SHAPE, SPACING_MM, (120, 50, 50), 28 * size),
        "kidney_left": ball(SHAPE, SPACING_MM, (LEFT + 20, 60, 150), radius["left"]),
        "kidney_right": ball(SHAPE, SPACING_MM, (RIGHT - 20, 60, 110), radius["right"]),
        "rib_left_10": box(SHAPE, (2, 5, 30), (4, 5 + length["left"], 32)),
        "rib_right_10": box(SHAPE, (36, 5, 30), (38, 5 + length["right"], 32)),
    }
    found = np.zeros(SHAPE, np.uint8)
    for name, mask in masks.items():
        assert not found[mask].any(), name
        found[mask] = NUMBER[name]
    return found


def measured(folder, patients):
    """Return the measures of label maps, computed with the commands of a study."""
    folder.mkdir(exist_ok=True)
    rows = []
    for scan_id, labels in patients.items():
        save(folder / f"{scan_id}_labels.nii.gz", labels, WHERE)
        save(folder / f"{scan_id}_ct.nii.gz", hu(labels.shape), WHERE)
        files = {"ct_path": f"{scan_id}_ct.nii.gz", "segmentation_path": f"{scan_id}_labels.nii.gz"}
        rows.append({"scan_id": scan_id, "age_years": 50, **files})
    pd.DataFrame(rows).reindex(columns=list(REGISTRY_COLUMNS)).to_csv(folder / "registry.csv", index=False)
    LABELS.table.to_csv(folder / "structures.csv", index=False)
    shared = {"registry": "registry.csv", "structures": "structures.csv", "masks": "masks"}
    run("segment", folder, shared | {"out": "segments.parquet"}, "--engine", "existing")
    run(
        "measure",
        folder,
        shared | {"segments": "segments.parquet", "out": "measures.parquet", "histograms": "hu.parquet"},
    )
    return MEASURES_TABLE.read(folder / "measures.parquet")


def run(stage, folder, files, *more):
    assert (
        main([stage, *[word for name, path in files.items() for word in (f"--{name}", str(folder / path))], *more]) == 0
    )


def screened(folder, measures):
    folder.mkdir(exist_ok=True)
    MEASURES_TABLE.write(measures, folder / "measures.parquet")
    LABELS.table.to_csv(folder / "structures.csv", index=False)
    files = {"measures": "measures.parquet", "structures": "structures.csv"}
    files |= {"verdicts": "verdicts.parquet", "analysis": "analysis.parquet"}
    run("screen", folder, files, *config_option(screen={"rules": "strict"}))
    return VERDICTS.read(folder / "verdicts.parquet")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return the measures and results of all scans without errors."""
    folder = tmp_path_factory.mktemp("sound")
    measures = measured(folder, {f"s{number:02d}": patient(number) for number in range(N_PATIENTS)})
    verdicts = screened(folder / "screened", measures)
    assert verdicts["reason"].eq("ok").all()
    return measures, verdicts


def exchange(labels, one, other):
    found = labels.copy()
    found[labels == NUMBER[one]], found[labels == NUMBER[other]] = NUMBER[other], NUMBER[one]
    return found


def without(labels, name, part):
    found = labels.copy()
    found[part & (labels == NUMBER[name])] = 0
    return found


def along(axis, begin, end):
    """Return a mask of the planes from `begin` up to `end` along an axis."""
    found = np.zeros(SHAPE, bool)
    np.moveaxis(found, axis, 0)[begin:end] = True
    return found


MUTATIONS = {
    "labels of a pair are exchanged": (
        lambda labels: exchange(labels, "kidney_left", "kidney_right"),
        {"kidney_left": "laterality", "kidney_right": "laterality"},
    ),
    "labels of two ribs are exchanged": (
        lambda labels: exchange(labels, "rib_left_10", "rib_right_10"),
        {"rib_left_10": "laterality", "rib_right_10": "laterality"},
    ),
    "a kidney is truncated": (lambda labels: labels[:, :, :38], {"kidney_left": "truncated"}),
    "1 mm is missing in the middle of a rib": (
        lambda labels: without(labels, "rib_left_10", along(1, 40, 41)),
        {"rib_left_10": "fragmented"},
    ),
    "all but 1 mm of a rib is missing": (
        lambda labels: without(labels, "rib_left_10", ~along(1, 40, 41)),
        {"rib_left_10": "below_bound"},
    ),
    "a rib is missing": (lambda labels: without(labels, "rib_left_10", along(1, 0, 100)), {"rib_left_10": "absent"}),
    "half of a kidney is missing": (
        lambda labels: without(labels, "kidney_left", along(0, 0, 10)),
        {"kidney_left": "asymmetric", "kidney_right": "asymmetric"},
    ),
    "the liver is fragmented": (
        lambda labels: without(labels, "liver", along(2, 12, 13)),
        {"liver": "fragmented"},
    ),
    "1 mm is missing at the end of a rib": (
        lambda labels: without(labels, "rib_left_10", along(1, 0, 6)),
        {},  # within the variation between patients
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_an_error_in_a_label_map_changes_only_its_results(sound, tmp_path, mutation):
    measures, before = sound
    change, reasons = MUTATIONS[mutation]
    labels = patient(int(CHANGED[1:]))
    changed = change(labels)
    assert changed.shape != labels.shape or (changed != labels).any()

    of_changed = measured(tmp_path / "changed", {CHANGED: changed})

    rest = measures[measures["scan_id"] != CHANGED]
    after = screened(tmp_path / "screened", pd.concat([rest, of_changed], ignore_index=True))
    assert changed_rows(before, after) == {(CHANGED, name): reason for name, reason in reasons.items()}
