"""A small study of synthetic scans that the commands measure, screen, and show in the review gallery."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.cli import main
from ctpop.contracts.all_tables import COHORT, REGISTRY_COLUMNS, REVIEW_CASES, SEGMENTS, VERDICTS
from ctpop.imaging.images import read_labels
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
from support.config_files import config_option
from support.volumes import affine, label_set, save

SHAPE = (44, 36, 30)
SPACING_MM = (3.0, 4.0, 5.0)
ORGANS = label_set("spleen", "liver", "lung_left", bound_ml=5.0)
BOXES = {  # start and end in voxels, attenuation (HU); the spleen touches the superior face of the image
    "spleen": ((6, 8, 22), (14, 18, 30), 110),
    "liver": ((24, 6, 6), (40, 26, 20), 60),
    "lung_left": ((4, 20, 4), (18, 34, 20), -800),
}
WHOLE = (6, 8, 18), (14, 18, 26)  # a complete spleen
HOSTILE = '<img src=x onerror="document.title=1">'
FORMULA = '=HYPERLINK("http://example.org")'


def images_of(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the attenuation and labels of a scan; the spleens of odd scans are truncated."""
    noise = np.random.default_rng(number).normal(0, 12, SHAPE)
    hu, labels = noise - 90, np.zeros(SHAPE, np.uint8)
    for name, (begin, end, value) in BOXES.items():
        low, high = (begin, end) if name != "spleen" or number % 2 else WHOLE
        place = tuple(slice(a, b - number % 3 * (name == "liver")) for a, b in zip(low, high, strict=True))
        hu[place] += value + 90
        labels[place] = ORGANS.label_of[name]
    return hu.astype(np.int16), labels


class ReviewStudy:
    """A folder in which the stages write `results/toy`."""

    def __init__(self, folder: Path, scans: int = 6) -> None:
        self.folder = folder
        self.results = folder / "results" / "toy"
        self.gallery_folder = self.results / "report" / "review"
        self.scan_ids = [f"scan-{number:03d}" for number in range(1, scans + 1)]
        self.structures = folder / "structures.csv"
        self.registry = folder / "registry.csv"

    def table(self, name: str) -> Path:
        return self.results / "tables" / f"{name}.parquet"

    def call(self, *words: object) -> None:
        assert main([str(word) for word in words]) == 0

    def write(self) -> "ReviewStudy":
        """Write the images, the label maps, and the tables of the earlier stages."""
        ORGANS.table.to_csv(self.structures, index=False)
        registry = pd.DataFrame({"scan_id": self.scan_ids, "ct_path": [f"ct/{name}.nii.gz" for name in self.scan_ids]})
        registry.reindex(columns=list(REGISTRY_COLUMNS)).to_csv(self.registry, index=False)
        cohort = pd.DataFrame({"scan_id": self.scan_ids, "age_years": 50.0}).reindex(columns=list(COHORT.columns))
        COHORT.write(cohort.astype(COHORT.empty().dtypes.to_dict()), self.table("cohort"))
        self.write_segments({})
        return self

    def write_segments(self, drawn_as: dict[int, int]) -> None:
        """Write the images of all scans; `drawn_as` maps scan numbers to the number of the anatomy to draw."""
        numbers = range(1, len(self.scan_ids) + 1)
        rows = [self.write_scan(number, drawn_as.get(number, number)) for number in numbers]
        SEGMENTS.write(pd.DataFrame(rows, columns=list(SEGMENTS.columns)).astype("str"), self.table("segments"))

    def write_scan(self, number: int, anatomy: int) -> dict[str, str]:
        scan_id = self.scan_ids[number - 1]
        hu, labels = images_of(anatomy)
        where = affine(SPACING_MM)
        save(self.folder / "ct" / f"{scan_id}.nii.gz", hu, where)
        drawn = read_labels(save(self.folder / "labels.nii.gz", labels, where))
        note = LabelMapStore(self.results / "masks").keep(scan_id, drawn, LabelMapNote("key", "", ORGANS.label_of))
        return {
            "scan_id": scan_id,
            "status": "existing",
            "mask_path": f"masks/{scan_id}.nii.gz",
            "mask_sha256": note.mask_sha256,
        }

    def measure(self) -> None:
        self.call(
            *("measure", "--registry", self.registry, "--segments", self.table("segments")),
            *("--masks", self.results / "masks", "--structures", self.structures),
            *("--out", self.table("measures"), "--histograms", self.results / "histograms" / "1-of-1.parquet"),
        )

    def screen(self, review: Path | None = None) -> pd.DataFrame:
        settings = {"review": str(review)} if review else {}
        self.call(
            *("screen", "--measures", self.table("measures"), "--cohort", self.table("cohort")),
            *("--structures", self.structures, *config_option(screen=settings)),
            *("--verdicts", self.table("verdicts"), "--analysis", self.table("analysis")),
            *("--extremes", self.table("extremes")),
        )
        return VERDICTS.read(self.table("verdicts"))

    def draw(
        self, share: float = 0.0, reading: dict[str, Any] | None = None, *, extremes: bool = False
    ) -> pd.DataFrame:
        self.call(
            *("review", "--registry", self.registry),
            *("--segments", self.table("segments")),
            *("--measures", self.table("measures"), "--verdicts", self.table("verdicts")),
            *("--histograms", self.results / "histograms" / "1-of-1.parquet", "--masks", self.results / "masks"),
            *("--structures", self.structures, *config_option(review={"sample_share": share}, cohort=reading or {})),
            *("--gallery", self.gallery_folder, "--out", self.table("review_cases")),
            *(("--extremes", self.table("extremes")) if extremes else ()),
        )
        return REVIEW_CASES.read(self.table("review_cases"))

    def show(self, review: Path | None = None, banner: str = "synthetic") -> Path:
        study = {"name": "toy", "registry": "registry.csv", "banner": banner}
        self.call(
            *("gallery", "--cases", self.table("review_cases"), "--verdicts", self.table("verdicts")),
            *("--measures", self.table("measures"), *config_option(study=study)),
            *("--structures", self.structures),
            *("--gallery", self.gallery_folder, *(["--review", review] if review else [])),
        )
        return self.gallery_folder / "index.html"

    def all(self, share: float = 1.0) -> Path:
        """Run all stages and return the path of the gallery page."""
        self.write()
        self.measure()
        self.screen()
        self.draw(share)
        return self.show()

    def pictures(self) -> dict[str, tuple[int, bytes]]:
        """Return the modification time and content of the images and scripts of all scans."""
        files = [path for path in self.gallery_folder.rglob("*") if path.suffix in (".webp", ".js") and path.is_file()]
        own = [path for path in files if path.parent != self.gallery_folder]
        return {
            str(path.relative_to(self.gallery_folder)): (path.stat().st_mtime_ns, path.read_bytes()) for path in own
        }


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
