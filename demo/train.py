"""Train the demo model: a small nnU-Net v2 that segments the phantoms of `phantom.py`.

    python demo/train.py --out workflow/ctpop/resources/models/demo

Network, plans, preprocessing, and checkpoint format are those of nnU-Net. Only the training loop is part of this
program, because the trainer of nnU-Net requires a GPU and 1000 epochs. `nnUNetv2_predict` can read the resulting
folder. At the end, the program writes the Dice coefficients of phantoms outside the training set to `validation.csv` in
the folder of the plans. Training takes about 40 minutes on two cores. The checkpoint contains only basic types, so
that it can be loaded with `weights_only=True`.
"""

import argparse
import json
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from phantom import LABEL, SHAPE, SPACING_MM, STRUCTURES, make_phantom, random_person

CONFIGURATION = "3d_fullres"
TRAINER = "nnUNetTrainer"
PATCH_ZYX = (96, 80, 96)
FEATURES = (16, 32, 64, 64)
CLASSES = len(STRUCTURES) + 1
BATCH = 2
CONTRAST_SHARE = 0.95  # most scans of the study are contrast-enhanced
FIRST_TRAINING_SEED = 1000
FIRST_VALIDATION_SEED = 9000


def case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return attenuation and labels of one phantom in the axis order of nnU-Net (z, y, x)."""
    phantom = make_phantom(random_person(seed, CONTRAST_SHARE))
    return phantom.hu.transpose(2, 1, 0), phantom.labels.transpose(2, 1, 0)


def cases(first_seed: int, number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw phantoms in parallel processes."""
    with get_context("fork").Pool() as pool:
        return pool.map(case, range(first_seed, first_seed + number), chunksize=1)


def intensity_properties(patients) -> dict[str, float]:
    """Return the statistics of the attenuation inside the structures that nnU-Net requires."""
    inside = np.concatenate([hu[labels > 0][::7] for hu, labels in patients]).astype(np.float64)
    low, high = np.percentile(inside, [0.5, 99.5])
    return {
        "max": float(inside.max()),
        "mean": float(inside.mean()),
        "median": float(np.median(inside)),
        "min": float(inside.min()),
        "percentile_00_5": float(low),
        "percentile_99_5": float(high),
        "std": float(inside.std()),
    }


def make_plans(properties: dict[str, float]) -> dict:
    """Return the content of plans.json for a four-stage PlainConvUNet at the spacing of the phantoms."""
    stages = len(FEATURES)
    resample = "resample_data_or_seg_to_shape"
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": stages,
            "features_per_stage": list(FEATURES),
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * stages,
            "strides": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
            "n_conv_per_stage": [1] + [2] * (stages - 1),
            "n_conv_per_stage_decoder": [1] * (stages - 1),
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": BATCH,
        "patch_size": list(PATCH_ZYX),
        "median_image_size_in_voxels": [float(n) for n in SHAPE[::-1]],
        "spacing": [SPACING_MM] * 3,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": resample,
        "resampling_fn_seg": resample,
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None},
        "resampling_fn_probabilities": resample,
        "resampling_fn_probabilities_kwargs": {
            "is_seg": False,
            "order": 1,
            "order_z": 0,
            "force_separate_z": None,
        },
        "architecture": architecture,
        "batch_dice": False,
    }
    return {
        "dataset_name": "Dataset999_CTPhantom",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [SPACING_MM] * 3,
        "original_median_shape_after_transp": list(SHAPE[::-1]),
        "image_reader_writer": "NibabelIOWithReorient",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {CONFIGURATION: configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": properties},
    }


def make_dataset(number: int) -> dict:
    """Return the content of dataset.json."""
    return {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **LABEL},
        "numTraining": number,
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": "NibabelIOWithReorient",
    }


class Patches:
    """Random patches of normalized training phantoms; half of each batch is centered on a random structure."""

    def __init__(self, patients, properties: dict[str, float], random: np.random.RandomState) -> None:
        self.random = random
        low, high = properties["percentile_00_5"], properties["percentile_99_5"]
        self.images = [
            ((np.clip(hu, low, high) - properties["mean"]) / properties["std"]).astype(np.float32) for hu, _ in patients
        ]
        self.labels = [np.ascontiguousarray(labels) for _, labels in patients]
        self.centers = [
            {
                k: found[:: max(1, len(found) // 200)]
                for k in range(1, CLASSES)
                if len(found := np.argwhere(labels == k))
            }
            for labels in self.labels
        ]

    def corner(self, person: int, centered: bool) -> list[int]:
        shape = self.images[person].shape
        if not centered:
            return [self.random.randint(0, n - p + 1) for n, p in zip(shape, PATCH_ZYX, strict=True)]
        structure = self.random.choice(sorted(self.centers[person]))
        where = self.centers[person][structure]
        center = where[self.random.randint(len(where))]
        return [
            int(np.clip(c - p // 2 + self.random.randint(-p // 4, p // 4 + 1), 0, n - p))
            for c, p, n in zip(center, PATCH_ZYX, shape, strict=True)
        ]

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        images = np.empty((BATCH, 1, *PATCH_ZYX), np.float32)
        labels = np.empty((BATCH, 1, *PATCH_ZYX), np.int64)
        for k in range(BATCH):
            person = self.random.randint(len(self.images))
            corner = self.corner(person, centered=k % 2 == 1)
            window = tuple(slice(c, c + p) for c, p in zip(corner, PATCH_ZYX, strict=True))
            image = self.images[person][window] * self.random.uniform(0.94, 1.06) + self.random.uniform(-0.04, 0.04)
            noise = self.random.standard_normal(image.shape).astype(np.float32) * self.random.uniform(0, 0.03)
            images[k, 0] = image + noise
            labels[k, 0] = self.labels[person][window]
        return torch.from_numpy(images), torch.from_numpy(labels)


def dice_and_cross_entropy(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the loss of nnU-Net (soft Dice without background, plus cross-entropy) without one-hot copies."""
    log_probability = torch.log_softmax(logits.float(), 1)
    probability = log_probability.exp()
    flat = labels.flatten()
    weight = weights[labels]
    cross_entropy = -(log_probability.gather(1, labels) * weight).sum() / weight.sum()
    overlap = torch.zeros(CLASSES).index_add_(0, flat, probability.gather(1, labels).flatten())
    total = probability.sum((0, 2, 3, 4)) + torch.bincount(flat, minlength=CLASSES)
    dice = (2 * overlap + 1e-5) / (total + 1e-5)
    return cross_entropy - dice[1:].mean()


def class_frequency(patches: Patches) -> torch.Tensor:
    counts = sum(np.bincount(labels.ravel(), minlength=CLASSES) for labels in patches.labels)
    return torch.tensor(counts / counts.sum() + 1e-4, dtype=torch.float32)


def fit(network: torch.nn.Module, patches: Patches, steps: int, rate: float, half: bool) -> None:
    """Optimize the network in place; the final weights are a moving average over the last fifth of the steps.

    At the beginning, rare structures have a larger weight in the cross-entropy (frequency to the power of -0.5). The
    weighting decreases to zero over the first half of the steps, because small structures would otherwise be too large.
    """
    frequency = class_frequency(patches)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.15)
    scales = np.array([0.5**k for k in range(len(FEATURES) - 1)])
    scales = scales / scales.sum()
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.97)
    )
    began, smooth = time.monotonic(), None
    for step in range(1, steps + 1):
        images, labels = patches.batch()
        weights = frequency ** (-0.5 * max(0.0, 1 - step / (0.5 * steps)))
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            outputs = network(images)
        loss = sum(
            scale * dice_and_cross_entropy(output, labels[:, :, :: 2**k, :: 2**k, :: 2**k], weights)
            for k, (scale, output) in enumerate(zip(scales, outputs, strict=False))
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12.0)
        optimizer.step()
        schedule.step()
        if step > 0.8 * steps:
            average.update_parameters(network)
        smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
        if step % 25 == 0:
            pace = (time.monotonic() - began) / step
            print(
                f"step {step}/{steps}  loss {smooth:.3f}  {pace:.2f} s/step  {pace * (steps - step) / 60:.0f} min left",
                flush=True,
            )
    network.load_state_dict(average.module.state_dict())


def save(folder: Path, network: torch.nn.Module, plans: dict, dataset: dict, steps: int) -> Path:
    """Write plans.json, dataset.json, and fold_0/checkpoint_final.pth in the layout of nnU-Net, with float16 weights.

    The state dict of nnU-Net lists each tensor three times under different names; a single copy reduces the file size.
    """
    shared: dict[int, torch.Tensor] = {}
    weights = {
        key: shared.setdefault(value.data_ptr(), value.half().contiguous())
        for key, value in network.state_dict().items()
    }
    checkpoint = {
        "network_weights": weights,
        "optimizer_state": None,
        "grad_scaler_state": None,
        "logging": {},
        "_best_ema": None,
        "current_epoch": steps,
        "init_args": {"configuration": CONFIGURATION, "fold": 0},
        "trainer_name": TRAINER,
        "inference_allowed_mirroring_axes": None,
    }
    target = folder / f"{TRAINER}__nnUNetPlans__{CONFIGURATION}"
    (target / "fold_0").mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, target / "fold_0" / "checkpoint_final.pth")
    (target / "plans.json").write_text(json.dumps(plans, indent=1) + "\n")
    (target / "dataset.json").write_text(json.dumps(dataset, indent=1) + "\n")
    return target


def validate(target: Path, number: int) -> np.ndarray:
    """Return the Dice coefficients (phantom, structure) of the saved model in validation phantoms.

    The predictor of nnU-Net applies the model.
    """
    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(target), (0,), "checkpoint_final.pth")
    dice = []
    for hu, truth in cases(FIRST_VALIDATION_SEED, number):
        predicted = predictor.predict_single_npy_array(hu[None].astype(np.float32), {"spacing": [SPACING_MM] * 3})
        dice.append(
            [
                2 * ((predicted == k) & (truth == k)).sum() / ((predicted == k).sum() + (truth == k).sum())
                for k in range(1, CLASSES)
            ]
        )
    return np.array(dice)


def report(target: Path, dice: np.ndarray) -> None:
    """Print the Dice coefficients of each structure and write them to `validation.csv` in the folder of the plans."""
    lines = ["structure,dice_mean,dice_min,n"]
    lines += [f"{name},{dice[:, k].mean():.3f},{dice[:, k].min():.3f},{len(dice)}" for k, name in enumerate(STRUCTURES)]
    lines.append(f"mean,{dice.mean():.3f},{dice.mean(1).min():.3f},{len(dice)}")
    (target / "validation.csv").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="output folder for the model folder")
    parser.add_argument("--patients", type=int, default=60, help="number of training phantoms (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=1000, help="number of optimization steps (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=3e-3, help="maximum learning rate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="number of torch threads (default: %(default)s)")
    parser.add_argument("--float32", action="store_true", help="train in float32 instead of bfloat16")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    patients = cases(FIRST_TRAINING_SEED, options.patients)
    properties = intensity_properties(patients)
    plans, dataset = make_plans(properties), make_dataset(options.patients)
    manager = PlansManager(plans)
    configuration = manager.get_configuration(CONFIGURATION)
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        1,
        CLASSES,
        deep_supervision=True,
    )
    network = network.to(memory_format=torch.channels_last_3d)
    network.train()
    patches = Patches(patients, properties, np.random.RandomState(options.seed))
    fit(network, patches, options.steps, options.rate, half=not options.float32)
    target = save(options.out, network, plans, dataset, options.steps)
    report(target, validate(target, 12))


if __name__ == "__main__":
    main()
