"""Input files of the provoked errors: a small valid study with the changes of a case.

A case (`cases/*.yaml`) specifies a valid study (`study`, a folder of `studies/`), results of finished studies
(`finished`), files to remove (`remove`), complete files (`files`), texts to replace (`edit`), and files with a
different encoding (`encode`). The suffix determines the format of a complete file: CSV text is written as a
spreadsheet or a Parquet file, a mapping as a workbook with several sheets, and a mapping with `volume` as a NIfTI file.
"""

import csv
import gzip
import io
import json
import shutil
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import nibabel as nib
import numpy as np
import openpyxl
import pandas as pd
import python_calamine

from ctpop import cli
from ctpop.contracts import all_tables
from support import age_models, dicom_files

STUDIES = Path(__file__).parent / "studies"
ODS = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
ODS += ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
ODS += ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'

MADE = tempfile.TemporaryDirectory(prefix="ctpop-errors-")
MANIFEST = 'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'


def write_inputs(case: dict[str, Any], folder: Path) -> None:
    """Write the files of a case to an empty folder."""
    shutil.copytree(valid_study(case.get("study", "measures")), folder, dirs_exist_ok=True)
    for name in case.get("finished", []):
        write_results(folder, name)
    for name in case.get("remove", []):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, content in case.get("files", {}).items():
        write_file(folder / name, content)
    edit(folder, case.get("edit", {}))
    for name, encoding in case.get("encode", {}).items():
        (folder / name).write_bytes((folder / name).read_text(encoding="utf-8").encode(encoding))


def edit(folder: Path, changes: dict[str, dict[str, str]]) -> None:
    """Replace texts that occur exactly once in a file."""
    for name, pairs in changes.items():
        text = (folder / name).read_text(encoding="utf-8")
        for old, new in pairs.items():
            assert text.count(old) == 1, f"{name} contains {old!r} {text.count(old)} times"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")


def write_file(path: Path, content: str | dict[str, str]) -> None:
    """Write a file in the format that the suffix of the path specifies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict) and "volume" in content:
        write_volume(path, **content)
        return
    sheets = content if isinstance(content, dict) else {"Sheet1": content}
    if path.suffix == ".xlsx":
        write_workbook(path, {name: rows_of(text) for name, text in sheets.items()})
    elif path.suffix == ".ods":
        write_ods(path, {name: rows_of(text) for name, text in sheets.items()})
    elif path.suffix == ".parquet":
        pd.read_csv(io.StringIO(str(content))).to_parquet(path)
    elif path.suffix == ".gz" and isinstance(content, str):
        path.write_bytes(gzip.compress(content.encode()))
    else:
        path.write_text(str(content), encoding="utf-8")


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of CSV text."""
    return list(csv.reader(io.StringIO(text)))


def write_workbook(path: Path, sheets: dict[str, list[list[str]]]) -> None:
    """Write an Excel workbook; convert texts that are numbers to numbers."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append([_typed(cell) for cell in row])
    workbook.save(path)


def write_ods(path: Path, sheets: dict[str, list[list[str]]]) -> None:
    """Write an OpenDocument spreadsheet with text cells."""
    tables = "".join(
        f'<table:table table:name="{escape(name)}">'
        + "".join(
            "<table:table-row>"
            + "".join(
                f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
                for cell in row
            )
            + "</table:table-row>"
            for row in rows
        )
        + "</table:table>"
        for name, rows in sheets.items()
    )
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    content = f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {ODS}>{body}</office:document-content>'
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr("META-INF/manifest.xml", f"<manifest:manifest {MANIFEST}/>")
        file.writestr("content.xml", content)


def _typed(cell: str) -> Any:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell or None


def write_volume(path: Path, volume: str, shape: int = 12, scale: float = 1.0) -> None:
    """Write a NIfTI file: a CT of soft tissue and air, or a label map with four structures."""
    random = np.random.default_rng(1)
    size = (shape,) * 3
    if volume == "labels":
        data = random.integers(0, 5, size).astype(np.uint8)
    else:
        data = np.where(np.arange(shape) < shape // 3, -1000, random.integers(-60, 200, size)).astype(np.float32)
        data = (data * scale).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, np.diag([1.5, 1.5, 1.5, 1.0])), path)


@cache
def valid_study(name: str) -> Path:
    """Return a folder with the files of a valid study, including its images."""
    if name == "measures":
        return STUDIES / name
    folder = Path(tempfile.mkdtemp(dir=MADE.name))
    shutil.copytree(STUDIES / name, folder, dirs_exist_ok=True)
    write_scans(name, folder)
    return folder


def write_scans(study: str, folder: Path) -> None:
    """Write the images of a study: a CT and a label map per scan, or a folder of DICOM files with its index."""
    if study == "segmentations":
        for scan in ("s01", "s02", "s03"):
            write_volume(folder / "ct" / f"{scan}.nii.gz", "ct")
            write_volume(folder / "maps" / f"{scan}.nii.gz", "labels")
    if study == "dicom":
        dicom_files.write_series(folder / "scans", series="1")
        names = ["--registry", str(folder / "registry.csv"), "--private", str(folder / "ctpop_private")]
        assert cli.main(["index", str(folder / "scans"), *names, "--processes", "1"]) == 0


def cells_in(path: Path) -> list[list[str]]:
    """Return the cells of the first sheet of a workbook, or of a Parquet file, as text."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return [list(table.columns), *table.astype(str).to_numpy().tolist()]
    rows = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    return [[str(cell).removesuffix(".0") for cell in row] for row in rows]


def write_results(folder: Path, name: str) -> None:
    """Write the files of a finished study of 12 patients that `ctpop compare` reads."""
    place = folder / "results" / name
    config = {
        "study": {"name": name},
        "structures": "demo",
        "aging": {"confidence": 0.95, "alpha": 1e-4, "equivalence_margin": 0.1},
    }
    (place / "tables").mkdir(parents=True)
    (place / "provenance.json").write_text(json.dumps({"config": config}))
    result = {"structure": "liver", "measure": "volume_ml", "n": 12, "n_patients": 12, "rho": 0.1, "ci_low": -0.5}
    pd.DataFrame([{**result, "ci_high": 0.6, "family": "structures"}]).to_parquet(place / "tables/associations.parquet")
    all_tables.GROUP_MEMBERS.write(all_tables.GROUP_MEMBERS.empty(), place / "tables/group_members.parquet")
    cohort = pd.DataFrame({"scan_id": [f"{name}{number}" for number in range(12)]})
    cohort = cohort.reindex(columns=list(all_tables.COHORT.columns)).astype(all_tables.COHORT.empty().dtypes.to_dict())
    all_tables.COHORT.write(cohort, place / "tables/cohort.parquet")
    models = age_models.table_of(age_models.missing_row(measure="volume_ml", n=12, n_patients=12))
    all_tables.AGE_MODELS.write(models, place / "tables/age_models.parquet")
