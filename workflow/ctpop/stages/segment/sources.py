"""Sources of label maps: prediction from the CT, or existing files.

Both sources have three steps. `read` checks whether the label map is finished, and reads the input if it is not;
`predict` runs the models on the device; `write` writes the result to the store.
"""

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctpop.foundation.errors import ContractError, ScanError
from ctpop.imaging import existing_segmentations, hu_scale
from ctpop.imaging.images import Grid, Volume, read_ct, remark_on_spacing, sha256_of
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore, fingerprint_of
from ctpop.models import model_folder, model_set
from ctpop.study.label_sets import LabelSet

if TYPE_CHECKING:
    from ctpop.stages.segment.nnunet.engine import Engine

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScanToSegment:
    """A scan of the cohort with its files."""

    scan_id: str
    ct_path: Path | None
    segmentation_path: Path | None


@dataclass(frozen=True)
class Work:
    """A scan in progress, with the input of the next step, the grid of its label map, and the incomplete note."""

    scan_id: str
    content: Any
    grid: Grid
    stored_affine: Any
    note: LabelMapNote


class Predict:
    """Segmentation of CT volumes with a model set, which is loaded for the first scan that requires it."""

    status = "segmented"

    def __init__(self, store: LabelMapStore, label_set: LabelSet, options: dict[str, Any]) -> None:
        self.store = store
        self.options = options
        self.models = model_set.read(options)
        model_set.check(self.models)
        if not set(self.models.labels) & set(label_set.names):
            known = ", ".join(list(self.models.labels)[:5])
            raise ContractError(
                f"segment.model: {options['model']} contains no structure of label set {label_set.name}; its structures"
                f" include {known}. Set structures: to the label set of the model"
            )
        self.digest = model_set.digest_of(self.models)
        self.engine: Engine | None = None

    def read(self, scan: ScanToSegment) -> LabelMapNote | Work:
        """Return the note on the label map of a scan if it is finished, or the CT prepared for the device."""
        path = _given(scan.ct_path, "ct_path")
        key = fingerprint_of(ct=sha256_of(path), model=self.digest, version=model_folder.VERSION)
        done = self.store.finished(scan.scan_id, key)
        if done:
            return done
        ct = read_ct(path)
        hu_scale.refuse_other_scales(ct.data)
        self.engine = self.engine or self._load()
        model = f"{self.models.name} {self.digest[:12]}"
        note = LabelMapNote(key, "", self.models.labels, model, remark_on_spacing(ct))
        return Work(scan.scan_id, self.engine.prepare(ct), ct.grid, ct.stored_affine, note)

    def predict(self, work: Work) -> Work:
        """Return the labels on the grid of the model."""
        assert self.engine is not None
        return replace(work, content=self.engine.predict(work.content))

    def write(self, work: Work) -> LabelMapNote:
        """Write the labels on the grid of the scan."""
        assert self.engine is not None
        labels = Volume(self.engine.restore(work.content, work.grid), work.grid, work.stored_affine)
        detail = "; ".join(filter(None, [work.note.detail, work.content.detail])) or None
        return self.store.keep(work.scan_id, labels, replace(work.note, detail=detail))

    def memory_mb(self) -> int | None:
        """Return the peak GPU memory (MB) since the last call; None if no GPU is used."""
        return self.engine.memory_mb() if self.engine else None

    def _load(self) -> "Engine":
        began = time.monotonic()
        from ctpop.stages.segment.nnunet.engine import Engine

        engine = Engine(self.models, self.options)
        seconds = time.monotonic() - began
        LOG.info("model set %s loaded on %s in %.1f s: %s", self.models.name, engine.device, seconds, self.digest)
        return engine


class ExistingLabelMaps:
    """Existing label maps or folders of masks."""

    status = "existing"

    def __init__(self, store: LabelMapStore, label_set: LabelSet) -> None:
        self.store = store
        self.label_set = label_set

    def read(self, scan: ScanToSegment) -> LabelMapNote | Work:
        """Return the note on the label map of a scan if it is finished, or the segmentation on the grid of its CT."""
        path = _given(scan.segmentation_path, "segmentation_path")
        parts = self.label_set.parts
        key = fingerprint_of(
            segmentation=existing_segmentations.checksum(path),
            ct=sha256_of(scan.ct_path) if scan.ct_path else None,
            labels=self.label_set.label_of,
            version=existing_segmentations.VERSION,
            **({"parts": parts} if parts else {}),
        )
        done = self.store.finished(scan.scan_id, key)
        if done:
            return done
        found = existing_segmentations.read_segmentation(path, self.label_set, scan.ct_path)
        note = LabelMapNote(
            key,
            "",
            found.labels,
            detail=found.detail,
            shared=found.shared,
            named=found.named,
            covered=found.covered or None,
        )
        return Work(scan.scan_id, found.volume.data, found.volume.grid, found.volume.stored_affine, note)

    def predict(self, work: Work) -> Work:
        """Return the segmentation unchanged."""
        return work

    def write(self, work: Work) -> LabelMapNote:
        """Write the segmentation to the store."""
        return self.store.keep(work.scan_id, Volume(work.content, work.grid, work.stored_affine), work.note)

    def memory_mb(self) -> None:
        """Return None because no GPU is used."""


def _given(path: Path | None, column: str) -> Path:
    if path is None:
        raise ScanError("missing_file", f"the registry contains no {column}")
    return path
