"""All models of a set on one device, and what happens to a scan between reading and writing.

Labels equal those of `nnUNetv2_predict`, which runs each part in a process of its own, keeps all logits, and copies
them to the CPU. Here the parts stay loaded, logits are streamed (`sliding_window`), and argmax and merge happen on the
device.

Memory that runs out on a GPU is asked for again in smaller pieces, down to logits summed on the CPU. Chunks of the body
with overlap, as others use, are not needed for that: streamed logits take one patch of rows, however long the body.
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
    """Labels of a scan, not yet on its own grid, and what a reader should know."""

    labels: Tensor
    detail: str | None


class Engine:
    """The networks of a model set on a device. `prepare` and `restore` may run in other threads than `predict`."""

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
        """Return what goes to the device.

        Raises
        ------
        ScanError
            `out_of_memory`, or `prediction_failed` if nnU-Net cannot process the volume.

        """
        with _failures():
            return self.route.prepare(ct)

    def predict(self, prepared: Any) -> Prediction:
        """Return the labels of a prepared scan.

        Raises
        ------
        ScanError
            `out_of_memory` if even the smallest pieces do not fit, `prediction_failed` for logits that are not finite.

        """
        torch.set_num_threads(self.cpu_threads)  # a number that OpenMP keeps for each thread of Python
        return self._predict_at(self._places(), prepared)

    def restore(self, prediction: Prediction, grid: Grid) -> NDArray[Any]:
        """Return the labels (x, y, z; RAS+) on the grid of the scan."""
        with _failures():
            depth, height, width = grid.shape[::-1]
            labels = nearest_labels(prediction.labels, (depth, height, width)).numpy().transpose(2, 1, 0)
            return labels if labels.dtype == np.uint8 else labels.astype(np.uint16)

    def memory_mb(self) -> int | None:
        """Return the largest GPU memory since the last call in MB, or nothing on a CPU."""
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
        """Return where to compute, from fast to frugal, and what the row says if it comes to that."""
        fast = Windows(self.step_size, self.batch_size, self.device, self.device, self.probabilities)
        single = replace(fast, batch_size=1)
        places: list[tuple[Windows, str | None]] = [(fast, None)]
        if self.batch_size > 1:
            places.append((single, "memory was short: one window at a time"))
        if self.device.type == "cuda":
            words = "GPU memory was short: one window at a time, logits summed on the CPU"
            places.append((replace(single, sums_on=torch.device("cpu")), words))
        return places


def choose_device(wanted: str) -> torch.device:
    """Return the device for `auto`, `cpu` or `cuda`.

    Raises
    ------
    ContractError
        If cuda is asked for and torch sees no GPU.

    """
    seen = torch.cuda.is_available()
    if wanted == "cuda" and not seen:
        raise ContractError("segment.device: cuda is configured, but torch sees no GPU; use auto or cpu, or a GPU node")
    if wanted == "cuda" or (wanted == "auto" and seen):
        torch.backends.cudnn.benchmark = False  # a benchmark may choose another algorithm, and other voxels, next time
        torch.backends.cudnn.deterministic = True
        return torch.device("cuda")
    return torch.device("cpu")


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what torch and nnU-Net raise over one scan into its reason; a GPU in an unknown state ends the program."""
    try:
        yield
    except torch.AcceleratorError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ScanError("out_of_memory", in_one_line(error)) from None
    except (RuntimeError, ValueError, AssertionError, IndexError) as error:
        reason = "out_of_memory" if "memory" in str(error) else "prediction_failed"
        raise ScanError(reason, in_one_line(error)) from None
