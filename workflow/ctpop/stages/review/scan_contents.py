"""Content of the viewer for a scan: CT, label map, and positions of the structures."""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE, SEGMENTS, USABLE_STATUS
from ctpop.figures.formatting import count
from ctpop.foundation.errors import ContractError
from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.study.configuration import label_rows
from ctpop.study.display_names import DisplayName, names_of
from ctpop.study.registry import read_registry
from ctpop.study.registry_options import AS_OURS, Reading, reading_of


@dataclass(frozen=True)
class Shown:
    """Files of a scan, the label of each structure, and the center (mm) of each structure with voxels."""

    scan_id: str
    ct: Path
    mask: Path
    labels: dict[str, int]
    centers_mm: dict[str, list[float]]


def shown_scan(study: Path, scan_id: str, registry: Path | None = None) -> Shown:
    """Return the files and structures of a scan of a study.

    Parameters
    ----------
    study
        Results folder, `results/<study.name>`.
    scan_id
        ID of the scan.
    registry
        Registry of scans (CSV); default: the registry of the run, relative to the folder in which the run was started.

    Raises
    ------
    ContractError
        If the study or the scan does not exist, the scan has no label map or CT, or a file is outside the study folder.

    """
    tables = study / "tables"
    if not (tables / "segments.parquet").is_file():
        raise ContractError(
            f"{study}: the folder contains no segmented study; specify the results folder, for example"
            " --study results/demo"
        )
    segments = SEGMENTS.read(tables / "segments.parquet").set_index("scan_id")
    if scan_id not in segments.index:
        close = difflib.get_close_matches(scan_id, list(segments.index), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ContractError(f"{study}: scan {scan_id!r} is not among the {count(len(segments), 'scan')}{hint}")
    status, detail = str(segments.loc[scan_id, "status"]), str(segments.loc[scan_id, "detail"])
    if status not in USABLE_STATUS:
        raise ContractError(f"{study}: scan {scan_id} has no label map: {status} ({detail})")
    store = LabelMapStore(study / "masks")
    mask = inside(store.mask_path(scan_id), study)
    ct = ct_of(scan_id, registry or registry_of(study), reading_in(study))
    return Shown(scan_id, ct, mask, store.note_of(scan_id).labels, centers_of(tables, scan_id))


def registry_of(study: Path) -> Path:
    """Return the path of the registry recorded in the provenance of a study.

    Raises
    ------
    ContractError
        If the provenance is missing or not readable.

    """
    place = study / "provenance.json"
    try:
        return study.resolve().parents[1] / str(config_of(study)["study"]["registry"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ContractError(
            f"{place}: the file does not contain the registry of the study; specify it with --registry"
        ) from None


def reading_in(study: Path) -> Reading:
    """Return the settings for reading the registry from the provenance, or the defaults if it contains none."""
    try:
        return reading_of(config_of(study)["cohort"])
    except (OSError, ValueError, KeyError, TypeError):
        return AS_OURS


def names_in(study: Path) -> dict[str, DisplayName]:
    """Return the names of the structures in the label set of a study; an empty result if it cannot be read."""
    try:
        structures = str(config_of(study)["structures"])
        own = study.resolve().parents[1] / structures
        return names_of(label_rows(str(own) if own.is_file() else structures))
    except (OSError, ValueError, KeyError, TypeError, ContractError):
        return {}


def config_of(study: Path) -> dict[str, Any]:
    """Return the configuration recorded in the provenance of a study."""
    config: dict[str, Any] = json.loads((study / "provenance.json").read_text(encoding="utf-8"))["config"]
    return config


def ct_of(scan_id: str, registry: Path, reading: Reading) -> Path:
    """Return the path of the CT of a scan.

    Raises
    ------
    ContractError
        If the registry does not exist, does not contain the scan, or lists no CT for the scan, or if the CT is missing.

    """
    paths = read_registry(registry, reading).set_index("scan_id")["ct_path"]
    if scan_id not in paths.index or pd.isna(paths[scan_id]):
        raise ContractError(f"{registry}: scan {scan_id} has no ct_path; the viewer requires a CT")
    ct = registry.parent / str(paths[scan_id])
    if not ct.is_file() or not ct.name.lower().endswith((".nii", ".nii.gz")):
        raise ContractError(f"{registry}: the CT of scan {scan_id} is missing or is not a NIfTI file: {ct}")
    return ct.resolve()


def centers_of(tables: Path, scan_id: str) -> dict[str, list[float]]:
    """Return the center of mass (mm, RAS+) of each structure of a scan with voxels."""
    columns = [f"centroid_{axis}_mm" for axis in "xyz"]
    measures = MEASURES_TABLE.read(tables / "measures.parquet", *columns)
    rows = measures[measures["scan_id"] == scan_id].dropna(subset=columns)
    centers = rows[columns].round(2).to_numpy(dtype=float).tolist()
    return dict(zip(rows["structure"], centers, strict=True))


def inside(path: Path, folder: Path) -> Path:
    """Return the resolved path of a file; raise a ContractError if a link leads outside the folder."""
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()) or not real.is_file():
        raise ContractError(f"{path}: not a file in {folder}; only files in this folder are served")
    return real
