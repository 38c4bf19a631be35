"""The models of a set on one device, and the processing of a scan between reading and writing.

The labels are equal to those of `nnUNetv2_predict`, which runs each part in a separate process, stores all logits, and
copies them to the CPU. Here, the parts remain loaded, logits are streamed (`sliding_window`), and argmax and merging
are computed on the device.

If the memory of a GPU is insufficient, the prediction is repeated with smaller batches and then with logits summed on
the CPU. The body need not be divided into overlapping chunks, because streamed logits require the memory of one patch
of rows, regardless of the length of the body.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctpop.foundation.errors import ContractError, ScanError, in_one_line
from ctpop.imaging.images import Grid, Volume
from ctpop.models.model_set import ModelSet
from ctpop.stages.segment.nnunet.network import load_network
from ctpop.stages.segment.nnunet.resampling import nearest_labels
from ctpop.stages.segment.nnunet.routes import ThroughImage, ThroughLogits
from ctpop.stages.segment.nnunet.sliding_window import Windows

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prediction:
    """Labels of a scan on the grid of the prediction, and a remark for the user."""

    labels: Tensor
    detail: str | None


class Engine:
    """The networks of a model set on a device. `prepare` and `restore` can run in other threads than `predict`."""

    def __init__(self, model_set: ModelSet, options: dict[str, Any]) -> None:
        self.device = choose_device(options["device"])
        self.cpu_threads = options["cpu_threads"]
        self.step_size = model_set.step_size
        self.probabilities = model_set.averaging == "probabilities"
        self.batch_size = options["batch_size"]
        torch.set_num_threads(self.cpu_threads)
        networks = tuple(load_network(part, model_set, self.device, options["compile"]) for part in model_set.parts)
        resampling = model_set.resampling
        self.route = ThroughImage(resampling, networks) if resampling else ThroughLogits(networks)

    def prepare(self, ct: Volume) -> Any:
        """Return the input of `predict`.

        Raises
        ------
        ScanError
            `out_of_memory`; `prediction_failed` if nnU-Net cannot process the volume.

        """
        with _failures():
            return self.route.prepare(ct)

    def predict(self, prepared: Any) -> Prediction:
        """Return the labels of a prepared scan.

        Raises
        ------
        ScanError
            `out_of_memory` if the memory is insufficient for the smallest batch; `prediction_failed` for logits that
            are not finite.

        """
        torch.set_num_threads(self.cpu_threads)  # OpenMP stores this number for each Python thread
        return self._predict_at(self._places(), prepared)

    def restore(self, prediction: Prediction, grid: Grid) -> NDArray[Any]:
        """Return the labels (x, y, z; RAS+) on the grid of the scan."""
        with _failures():
            depth, height, width = grid.shape[::-1]
            labels = nearest_labels(prediction.labels, (depth, height, width)).numpy().transpose(2, 1, 0)
            return labels if labels.dtype == np.uint8 else labels.astype(np.uint16)

    def memory_mb(self) -> int | None:
        """Return the peak GPU memory (MB) since the last call; None on a CPU."""
        if self.device.type != "cuda":
            return None
        peak = torch.cuda.max_memory_allocated(self.device) >> 20
        torch.cuda.reset_peak_memory_stats(self.device)
        return peak

    def _predict_at(self, places: list[tuple[Windows, str | None]], prepared: Any) -> Prediction:
        (windows, words), *frugal = places
        try:
            with _failures():
                return Prediction(self.route.predict(prepared, windows), words)
        except ScanError as error:
            if error.reason != "out_of_memory" or not frugal:
                raise
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return self._predict_at(frugal, prepared)

    def _places(self) -> list[tuple[Windows, str | None]]:
        """Return the computation settings from fastest to least memory, each with its remark for the row."""
        fast = Windows(self.step_size, self.batch_size, self.device, self.device, self.probabilities)
        single = replace(fast, batch_size=1)
        places: list[tuple[Windows, str | None]] = [(fast, None)]
        if self.batch_size > 1:
            places.append((single, "insufficient memory: one window at a time"))
        if self.device.type == "cuda":
            words = "insufficient GPU memory: one window at a time, logits summed on the CPU"
            places.append((replace(single, sums_on=torch.device("cpu")), words))
        return places


def choose_device(wanted: str) -> torch.device:
    """Return the device for `auto`, `cpu`, or `cuda`.

    Raises
    ------
    ContractError
        If `cuda` is requested and torch detects no GPU.

    """
    seen = torch.cuda.is_available()
    if wanted == "cuda" and not seen:
        raise ContractError(
            "segment.device is cuda, but torch detects no GPU. Set segment: {device: auto} or use a node with a GPU"
        )
    if wanted == "cuda" or (wanted == "auto" and seen):
        torch.backends.cudnn.benchmark = False  # a benchmark could select another algorithm in each run
        torch.backends.cudnn.deterministic = True
        return torch.device("cuda")
    return torch.device("cpu")


@contextmanager
def _failures() -> Iterator[None]:
    """Convert errors of torch and nnU-Net into the reason of a scan, except accelerator errors, which stop the job."""
    try:
        yield
    except torch.AcceleratorError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ScanError("out_of_memory", in_one_line(error)) from None
    except (RuntimeError, ValueError, AssertionError, IndexError) as error:
        reason = "out_of_memory" if "memory" in str(error) else "prediction_failed"
        raise ScanError(reason, in_one_line(error)) from None
