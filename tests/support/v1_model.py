"""Models of nnU-Net v1 with random weights, in the file formats of v1, created without v1.

The names and shapes of the tensors, and the entries of the plans except the network, are from files written by v1
(`reference/v1_peer.py`).
"""

import json
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from ctpop.stages.segment.v1.unpickling import read_pickle
from reference.v1_cases import CASES, Case, weights

FROZEN = Path(__file__).parents[1] / "reference" / "v1"
TRAINER = "nnUNetTrainerV2_ep4000_nomirror"
MODEL = f"{TRAINER}__nnUNetPlansv2.1"
TASK = FROZEN / "Task991_Tiny"
SHAPES = json.loads((FROZEN / "networks.json").read_text())


def plans(case: Case, **changed: Any) -> dict[str, Any]:
    """Return the plans of a network; `changed` replaces top-level entries, and `stage` entries of the stage."""
    real = read_pickle(TASK / MODEL / "plans.pkl")
    stage = {
        **real["plans_per_stage"][0],
        "patch_size": np.array(case.patch),
        "pool_op_kernel_sizes": case.pools,
        "conv_kernel_sizes": case.kernels,
        **changed.pop("stage", {}),
    }
    return {
        **real,
        "plans_per_stage": {0: stage},
        "base_num_features": case.features,
        "conv_per_stage": case.convolutions,
        "num_classes": case.structures,
        "all_classes": list(range(1, case.structures + 1)),
        **changed,
    }


def tensors(name: str) -> dict[str, Any]:
    """Return the weights of a case as torch tensors."""
    import torch

    return OrderedDict((key, torch.from_numpy(values)) for key, values in weights(name, SHAPES[name]).items())


def save_pickle(path: Path, values: Any) -> None:
    """Write a pickle file."""
    with path.open("wb") as file:
        pickle.dump(values, file)


def save_v1(folder: Path, name: str = "stages3", trainer: str = TRAINER, **changed: Any) -> Path:
    """Write a task folder with the model of a case, and return the folder.

    `changed` replaces entries of the plans, the name of the folder (`task`), or the weights (`state_dict`).
    """
    import torch

    task = folder / changed.pop("task", "Task998_Tiny")
    state = changed.pop("state_dict", None) or tensors(name)
    described = plans(CASES[name], **changed)
    fold = task / f"{trainer}__nnUNetPlansv2.1" / "fold_0"
    fold.mkdir(parents=True, exist_ok=True)
    save_pickle(fold.parent / "plans.pkl", described)
    arguments = ("nnUNetPlansv2.1_plans_3D.pkl", 0, "results", "preprocessed", False, 0, True, False, True)
    info = OrderedDict(init=arguments, name=trainer, plans=described)
    info["class"] = f"<class '{trainer}'>"
    save_pickle(fold / "model_final_checkpoint.model.pkl", info)
    content = {"epoch": 1, "state_dict": state, "best_stuff": (None, np.float64(0.5)), "lr_scheduler_state_dict": None}
    torch.save(content, fold / "model_final_checkpoint.model")
    return task
