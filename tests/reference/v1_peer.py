"""Results of nnU-Net v1 (nnunet 1.7.1) for the networks and scans of `v1_cases.py`; `v1_peer.sh` runs this script.

    python v1_peer.py WORK OUT

WORK is a scratch folder. The script writes to OUT: networks.json (keys and shapes of each network), networks.npz
(logits of each patch at some voxels, labels at all voxels), Task991_Tiny (a model from the planner and trainer of v1),
and scans.npz (labels predicted by v1, and some voxels of its preprocessed images). All computations use float32 on a
CPU.
"""

import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

WORK, OUT = Path(sys.argv[1]), Path(sys.argv[2])
for variable in ("nnUNet_raw_data_base", "nnUNet_preprocessed", "RESULTS_FOLDER"):
    os.environ[variable] = str(WORK / variable)
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # v1 unpickles whole checkpoints, here those of this script

import numpy as np  # noqa: E402  nnunet reads the environment variables at import
import SimpleITK as sitk  # noqa: E402, N813
import torch  # noqa: E402
from batchgenerators.utilities.file_and_folder_operations import save_pickle  # noqa: E402
from nnunet.experiment_planning.DatasetAnalyzer import DatasetAnalyzer  # noqa: E402
from nnunet.experiment_planning.experiment_planner_baseline_3DUNet_v21 import ExperimentPlanner3D_v21  # noqa: E402
from nnunet.experiment_planning.utils import crop  # noqa: E402
from nnunet.inference.predict import predict_cases, predict_cases_fastest  # noqa: E402
from nnunet.network_architecture.generic_UNet import Generic_UNet  # noqa: E402
from nnunet.network_architecture.initialization import InitWeights_He  # noqa: E402
from nnunet.preprocessing.preprocessing import GenericPreprocessor  # noqa: E402
from nnunet.training import model_restore  # noqa: E402
from nnunet.training.network_training.nnUNetTrainerV2 import nnUNetTrainerV2  # noqa: E402
from scipy import ndimage  # noqa: E402
from torch import nn  # noqa: E402
from v1_cases import CASES, SCANS, digest, image, stream, weights  # noqa: E402

TASK = "Task991_Tiny"
STRUCTURES = {"1": "first", "2": "second", "3": "third"}
SPACING = 1.5
PLANNED = (16, 16, 16)  # shape of the training images (voxels); small images result in a small patch and network
TURN = {"transpose_forward": [1, 2, 0], "transpose_backward": [2, 0, 1]}
MODES = {"normal": partial(predict_cases, save_npz=False), "fastest": predict_cases_fastest}
PREDICTION = {
    "num_threads_preprocessing": 1,
    "num_threads_nifti_save": 1,
    "segs_from_prev_stage": None,
    "do_tta": False,
    "overwrite_existing": True,
    "mixed_precision": False,
    "step_size": 0.5,
    "checkpoint_name": "model_final_checkpoint",
    "disable_postprocessing": True,
}
SAMPLED = 64  # number of voxels per network with stored logits


class nnUNetTrainerV2_ep4000_nomirror(nnUNetTrainerV2):  # noqa: N801  name in TotalSegmentator's fork of nnunet
    """Trainer of the public weights: nnUNetTrainerV2 with more epochs and without mirroring."""

    def setup_DA_params(self):  # noqa: N802
        """Set the parameters that prediction reads."""
        super().setup_DA_params()
        self.data_aug_params["do_mirror"] = False


TRAINER = nnUNetTrainerV2_ep4000_nomirror


def network(case):
    """Return the network that nnUNetTrainerV2.initialize_network builds."""
    return Generic_UNet(
        *(1, case.features, case.structures + 1, len(case.pools), case.convolutions, 2),
        *(nn.Conv3d, nn.InstanceNorm3d, {"eps": 1e-5, "affine": True}, nn.Dropout3d, {"p": 0, "inplace": True}),
        *(nn.LeakyReLU, {"negative_slope": 1e-2, "inplace": True}, True, False, lambda x: x, InitWeights_He(1e-2)),
        *(case.pools, case.kernels, False, True, True),
    )


def networks():
    """Return keys, shapes, logits, and labels of each network."""
    shapes, arrays = {}, {}
    for name, case in CASES.items():
        module = network(case).eval()
        module.do_ds = False
        shapes[name] = [[key, list(tensor.shape)] for key, tensor in module.state_dict().items()]
        drawn = weights(name, shapes[name])
        module.load_state_dict({key: torch.from_numpy(values) for key, values in drawn.items()})
        patch = image(name, case.patch)
        with torch.no_grad():
            logits = module(torch.from_numpy(patch[None, None]))[0].numpy()
        voxels = stream(f"voxels {name}").permutation(patch.size)[:SAMPLED]
        arrays |= {
            f"{name} logits": logits.reshape(len(logits), -1)[:, voxels],
            f"{name} labels": logits.argmax(0).astype(np.uint8),
            f"{name} image": np.array(digest(patch)),
        }
        print(name, logits.shape, float(np.abs(logits).max()), len(np.unique(logits.argmax(0))))
    return shapes, arrays


def save_nifti(values, spacing, path):
    """Write an array (z, y, x)."""
    picture = sitk.GetImageFromArray(values)
    picture.SetSpacing(tuple(float(mm) for mm in spacing[::-1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(picture, str(path))


def plan():
    """Return the path of the plans of v1 for three small labeled scans, with fewer features."""
    raw = WORK / "nnUNet_raw_data_base" / "nnUNet_raw_data" / TASK
    for number in range(3):
        numbers = stream(f"training {number}")
        save_nifti(
            numbers.randint(-1000, 1000, PLANNED).astype(np.int16),
            [SPACING] * 3,
            raw / f"imagesTr/c{number}_0000.nii.gz",
        )
        save_nifti(numbers.randint(0, 4, PLANNED).astype(np.uint8), [SPACING] * 3, raw / f"labelsTr/c{number}.nii.gz")
    told = {
        "name": "Tiny",
        "tensorImageSize": "3D",
        "modality": {"0": "CT"},
        "labels": {"0": "background", **STRUCTURES},
        "numTraining": 3,
        "numTest": 0,
        "training": [{"image": f"./imagesTr/c{n}.nii.gz", "label": f"./labelsTr/c{n}.nii.gz"} for n in range(3)],
        "test": [],
    }
    (raw / "dataset.json").write_text(json.dumps(told))
    crop(TASK, False, 1)
    cropped = WORK / "nnUNet_raw_data_base" / "nnUNet_cropped_data" / TASK
    DatasetAnalyzer(str(cropped), overwrite=True, num_processes=1).analyze_dataset()
    preprocessed = WORK / "nnUNet_preprocessed" / TASK
    preprocessed.mkdir(parents=True, exist_ok=True)
    planner = ExperimentPlanner3D_v21(str(cropped), str(preprocessed))
    planner.plan_experiment()
    planner.plans["base_num_features"] = 4
    planner.save_my_plans()
    return Path(planner.plans_fname)


def model(plans_file):
    """Write a model folder with the trainer of v1, with random weights that depend on the name of the task."""
    folder = WORK / "results" / TASK / f"{TRAINER.__name__}__nnUNetPlansv2.1"
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    trainer = TRAINER(
        "nnUNetPlansv2.1_plans_3D.pkl", 0, "results/fold_0", "preprocessed", False, 0, True, False, True
    )  # paths that the trainer stores and does not use
    trainer.plans_file, trainer.output_folder = str(plans_file), str(folder / "fold_0")
    trainer.dataset_directory = str(WORK / "nnUNet_preprocessed" / TASK)
    trainer.initialize(False)
    shapes = [[key, list(tensor.shape)] for key, tensor in trainer.network.state_dict().items()]
    drawn = weights(TASK, shapes)
    trainer.network.load_state_dict({key: torch.from_numpy(values) for key, values in drawn.items()})
    trainer.all_tr_losses.append(np.float64(-0.5))  # values that training stores in a checkpoint
    trainer.all_val_eval_metrics.append(np.mean([0.8, 0.9]))
    trainer.save_checkpoint(str(folder / "fold_0" / "model_final_checkpoint.model"))
    shutil.copy(plans_file, folder / "plans.pkl")
    for log in (folder / "fold_0").glob("*.txt"):
        log.unlink()
    return folder


def turned(folder):
    """Write the same model with plans that transpose the axes, and return its folder."""
    copy = WORK / "turned" / folder.name
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    path = str(copy / "fold_0" / "model_final_checkpoint.model.pkl")
    info = model_restore.load_pickle(path)
    info["plans"] |= TURN
    save_pickle(info, path)
    return copy


def predict(folder, file, mode):
    """Return the labels (z, y, x) that v1 predicts."""
    out = WORK / "out" / mode / f"{folder.parent.name}_{file.name.replace('_0000', '')}"
    MODES[mode](str(folder), [[str(file)]], [str(out)], [0], **PREDICTION)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(out))).astype(np.uint8)


def as_totalsegmentator(folder, voxels, spacing):
    """Return labels (z, y, x) after cubic resampling to the spacing of the model and nearest-neighbor resampling back.

    The steps are those of TotalSegmentator v1 (nnunet.py, resampling.py): `scipy.ndimage.zoom` with mode `nearest`, and
    integer HU after the first resampling.
    """
    zoom = np.array([np.float32(mm) for mm in spacing], float) / SPACING
    smaller = ndimage.zoom(voxels.astype(np.float64), zoom, order=3, mode="nearest").astype(np.int32)
    file = WORK / "in" / "resampled_0000.nii.gz"
    save_nifti(smaller, [SPACING] * 3, file)
    labels = predict(folder, file, "fastest")
    return ndimage.zoom(labels, np.divide(voxels.shape, labels.shape), order=0, mode="nearest")


def predicted(folder):
    """Return the labels that v1 predicts for each scan, in its normal mode and in that of TotalSegmentator."""
    arrays = {}
    for name, told in SCANS.items():
        file = WORK / "in" / f"{name}_0000.nii.gz"
        save_nifti(told.voxels(name), told.spacing, file)
        arrays[f"{name} scan"] = np.array(digest(told.voxels(name)))
        arrays[f"{name} normal"] = predict(folder, file, "normal")
        arrays[f"{name} totalsegmentator"] = as_totalsegmentator(folder, told.voxels(name), told.spacing)
        print(name, [np.bincount(arrays[f"{name} {way}"].ravel()) for way in ("normal", "totalsegmentator")])
    arrays["turned"] = predict(turned(folder), WORK / "in" / "same_spacing_0000.nii.gz", "normal")
    return arrays


def preprocessed(folder):
    """Return some voxels of the preprocessed images of v1 for each normalization scheme, with and without a mask."""
    plans = model_restore.load_pickle(str(folder / "plans.pkl"))
    arrays = {}
    for name in SCANS:
        for scheme, masked in (("CT", False), ("nonCT", False), ("nonCT", True), ("noNorm", False)):
            worker = GenericPreprocessor(
                {0: scheme}, {0: masked}, plans["transpose_forward"], plans["dataset_properties"]["intensityproperties"]
            )
            file = WORK / "in" / f"{name}_0000.nii.gz"
            found = worker.preprocess_test_case([str(file)], np.array([SPACING] * 3))[0][0]
            key = f"{name} {scheme}{' masked' if masked else ''}"
            arrays[f"{key} shape"] = np.array(found.shape)
            arrays[key] = found.ravel()[:: max(1, found.size // 200)].astype(np.float32)
    return arrays


if __name__ == "__main__":
    torch.set_num_threads(1)
    setattr(sys.modules[nnUNetTrainerV2.__module__], TRAINER.__name__, TRAINER)  # v1 searches this module for trainers
    OUT.mkdir(parents=True, exist_ok=True)
    shapes, arrays = networks()
    (OUT / "networks.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")
    np.savez_compressed(OUT / "networks.npz", **arrays)
    saved = model(plan())
    shutil.rmtree(OUT / TASK, ignore_errors=True)
    shutil.copytree(saved.parent, OUT / TASK)
    np.savez_compressed(OUT / "scans.npz", **predicted(saved), **preprocessed(saved))
