"""Segmentation with nnU-Net v2: one model, loaded once and safely, and its standard predictor.

Preprocessing, sliding window and export are nnU-Net's own functions, so that labels equal those of
`nnUNetv2_predict`. What is ours stands where nnU-Net is not safe enough for a cohort: files are read and checked by
`images.py` (its readers return truncated files and NaN as if they were CTs), checkpoints are loaded with
`weights_only=True` (its own loading runs any code in the file), and the network is built from the plans alone (its
search for a trainer class imports torchvision, which a CPU build of torch cannot load).
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from numpy._core import multiarray
from numpy.typing import NDArray

from ctpop.errors import ContractError, ScanError, in_one_line
from ctpop.images import Volume
from ctpop.segmentation.model_folder import FILES, check_imports, digest_of, find_folder, labels_of, read_json


class NnunetModel:
    """A model folder of nnU-Net v2 on a device. `labels` maps structures to the numbers in its label maps."""

    def __init__(self, name_or_folder: str, device: str, step_size: float, cpu_threads: int) -> None:
        folder = find_folder(name_or_folder)
        self.name = f"{Path(name_or_folder).name} {digest_of(folder)[:12]}"
        self.device = choose_device(device)
        torch.set_num_threads(cpu_threads)
        plans, dataset = (read_json(folder / name) for name in FILES[:2])
        check_imports(plans, folder / FILES[0])
        checkpoint = load_checkpoint(folder / FILES[2])
        self.plans = PlansManager(plans)
        self.dataset = dataset
        self.labels = labels_of(folder)
        try:
            self.configuration = self.plans.get_configuration(checkpoint["init_args"]["configuration"])
            self.predictor = self._make_predictor(checkpoint, step_size)
        except (RuntimeError, KeyError) as error:
            raise ContractError(f"{folder}: plans and checkpoint make no network: {in_one_line(error)}") from None

    def _make_predictor(self, checkpoint: dict[str, Any], step_size: float) -> nnUNetPredictor:
        predictor = nnUNetPredictor(
            tile_step_size=step_size,
            use_gaussian=True,
            use_mirroring=False,
            perform_everything_on_device=self.device.type == "cuda",
            device=self.device,
            allow_tqdm=False,
        )
        label_manager = self.plans.get_label_manager(self.dataset)
        network = get_network_from_plans(
            self.configuration.network_arch_class_name,
            self.configuration.network_arch_init_kwargs,
            self.configuration.network_arch_init_kwargs_req_import,
            1,
            label_manager.num_segmentation_heads,
            deep_supervision=False,
        )
        network.load_state_dict(checkpoint["network_weights"])
        predictor.manual_initialization(
            network, self.plans, self.configuration, None, self.dataset, checkpoint["trainer_name"], None
        )
        return predictor

    def segment(self, ct: Volume) -> NDArray[np.unsignedinteger[Any]]:
        """Return the labels of a CT, in RAS+ (x, y, z) on its own grid.

        nnU-Net's axis order is (z, y, x); this is the one place that turns there and back.

        Raises
        ------
        ScanError
            `out_of_memory`, or `prediction_failed` if nnU-Net cannot process the volume.

        """
        image = np.ascontiguousarray(ct.data.transpose(2, 1, 0), np.float32)
        spacing_zyx = [float(np.float32(edge)) for edge in ct.grid.spacing_mm[::-1]]
        try:
            labels = self._predict(image, spacing_zyx)
        except (torch.cuda.OutOfMemoryError, MemoryError) as error:
            raise ScanError("out_of_memory", in_one_line(error)) from None
        except (RuntimeError, ValueError, AssertionError, IndexError) as error:
            reason = "out_of_memory" if "memory" in str(error) else "prediction_failed"
            raise ScanError(reason, in_one_line(error)) from None
        return labels.transpose(2, 1, 0)

    def _predict(self, image: NDArray[np.float32], spacing_zyx: list[float]) -> NDArray[np.unsignedinteger[Any]]:
        preprocessor = self.configuration.preprocessor_class(verbose=False)
        data, _, properties = preprocessor.run_case_npy(
            image[None], None, {"spacing": spacing_zyx}, self.plans, self.configuration, self.dataset
        )
        logits = self.predictor.predict_sliding_window_return_logits(torch.from_numpy(data)).cpu()
        if not torch.isfinite(logits).all():
            raise ScanError("prediction_failed", "the network's output is not finite")
        labels: NDArray[np.unsignedinteger[Any]] = convert_predicted_logits_to_segmentation_with_correct_shape(
            logits, self.plans, self.configuration, self.predictor.label_manager, properties
        )
        return labels


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
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        return torch.device("cuda")
    return torch.device("cpu")


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return a checkpoint's contents without running code that it may carry.

    Besides tensors, official checkpoints pickle NumPy scalars (their log); exactly the types needed for these are
    admitted, under the module names of NumPy 1 and 2.

    Raises
    ------
    ContractError
        If the file holds anything else, or lacks what nnU-Net stores.

    """
    try:
        with torch.serialization.safe_globals(_numpy_types()):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  torch raises many kinds, and each means that the file is not trusted
        raise ContractError(f"{path}: refused as a checkpoint: {in_one_line(error)}") from None
    held = set(checkpoint) if isinstance(checkpoint, dict) else set()
    absent = [key for key in ("network_weights", "init_args", "trainer_name") if key not in held]
    if absent:
        raise ContractError(f"{path}: is no nnU-Net v2 checkpoint, it lacks {', '.join(absent)}")
    weights: dict[str, Any] = checkpoint
    return weights


def _numpy_types() -> list[Any]:
    types: list[Any] = [np.dtype, np.ndarray]
    for module in ("numpy._core.multiarray", "numpy.core.multiarray"):
        types += [(multiarray.scalar, f"{module}.scalar"), (multiarray._reconstruct, f"{module}._reconstruct")]
    return types + [kind for name, kind in vars(np.dtypes).items() if name.endswith("DType") and isinstance(kind, type)]
