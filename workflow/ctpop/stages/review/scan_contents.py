"""What there is to see of a scan: its CT, its label map, and where its structures lie."""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE, SEGMENTS, USABLE_STATUS
from ctpop.foundation.errors import ContractError
from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.study.configuration import label_rows
from ctpop.study.display_names import DisplayName, names_of
from ctpop.study.registry import read_registry
from ctpop.study.registry_options import AS_OURS, Reading, reading_of


@dataclass(frozen=True)
class Shown:
    """Files of a scan, the number of each structure in its label map, and the centre of each that has voxels (mm)."""

    scan_id: str
    ct: Path
    mask: Path
    labels: dict[str, int]
    centres_mm: dict[str, list[float]]


def shown_scan(study: Path, scan_id: str, registry: Path | None = None) -> Shown:
    """Return what there is to see of a scan of a study.

    Parameters
    ----------
    study
        Folder of the results, `results/<study.name>`.
    scan_id
        The scan.
    registry
        CSV of the scans; without it, that of the run, found where the run was started.

    Raises
    ------
    ContractError
        If there is no such study or scan, or it has no label map or no CT, or a file lies where it should not.

    """
    tables = study / "tables"
    if not (tables / "segments.parquet").is_file():
        raise ContractError(f"{study}: holds no segmented study; give the folder of the results, as results/demo")
    segments = SEGMENTS.read(tables / "segments.parquet").set_index("scan_id")
    if scan_id not in segments.index:
        close = difflib.get_close_matches(scan_id, list(segments.index), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ContractError(f"{study}: has no scan {scan_id!r} among its {len(segments)}{hint}")
    status, detail = str(segments.loc[scan_id, "status"]), str(segments.loc[scan_id, "detail"])
    if status not in USABLE_STATUS:
        raise ContractError(f"{study}: scan {scan_id} has no label map: {status} ({detail})")
    store = LabelMapStore(study / "masks")
    mask = inside(store.mask_path(scan_id), study)
    ct = ct_of(scan_id, registry or registry_of(study), reading_in(study))
    return Shown(scan_id, ct, mask, store.note_of(scan_id).labels, centres_of(tables, scan_id))


def registry_of(study: Path) -> Path:
    """Return the registry that a study was run with, as its provenance tells it.

    Raises
    ------
    ContractError
        If the provenance is not there or not readable.

    """
    place = study / "provenance.json"
    try:
        return study.resolve().parents[1] / str(config_of(study)["study"]["registry"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ContractError(f"{place}: does not tell the registry of the study; name it with --registry") from None


def reading_in(study: Path) -> Reading:
    """Return how the registry of a study is read: as its provenance tells, else as one of our shape."""
    try:
        return reading_of(config_of(study)["cohort"])
    except (OSError, ValueError, KeyError, TypeError):
        return AS_OURS


def names_in(study: Path) -> dict[str, DisplayName]:
    """Return the names of the structures in the label set of a study; none if the label set cannot be read."""
    try:
        structures = str(config_of(study)["structures"])
        own = study.resolve().parents[1] / structures
        return names_of(label_rows(str(own) if own.is_file() else structures))
    except (OSError, ValueError, KeyError, TypeError, ContractError):
        return {}


def config_of(study: Path) -> dict[str, Any]:
    """Return the configuration that the provenance of a study tells."""
    config: dict[str, Any] = json.loads((study / "provenance.json").read_text(encoding="utf-8"))["config"]
    return config


def ct_of(scan_id: str, registry: Path, reading: Reading) -> Path:
    """Return the CT of a scan.

    Raises
    ------
    ContractError
        If the registry does not exist or does not have the scan, or the scan has no CT there.

    """
    paths = read_registry(registry, reading).set_index("scan_id")["ct_path"]
    if scan_id not in paths.index or pd.isna(paths[scan_id]):
        raise ContractError(f"{registry}: scan {scan_id} has no CT; there is nothing to show under its masks")
    ct = registry.parent / str(paths[scan_id])
    if not ct.is_file() or not ct.name.lower().endswith((".nii", ".nii.gz")):
        raise ContractError(f"{registry}: the CT of scan {scan_id} is not there, or is not NIfTI")
    return ct.resolve()


def centres_of(tables: Path, scan_id: str) -> dict[str, list[float]]:
    """Return the centre of mass (mm, RAS+) of each structure of a scan that has voxels."""
    columns = [f"centroid_{axis}_mm" for axis in "xyz"]
    measures = MEASURES_TABLE.read(tables / "measures.parquet", *columns)
    rows = measures[measures["scan_id"] == scan_id].dropna(subset=columns)
    centres = rows[columns].round(2).to_numpy(dtype=float).tolist()
    return dict(zip(rows["structure"], centres, strict=True))


def inside(path: Path, folder: Path) -> Path:
    """Return the real place of a file, refused unless it lies in a folder: a link may lead elsewhere."""
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()) or not real.is_file():
        raise ContractError(f"{path}: is not a file inside {folder}; nothing else is served")
    return real
