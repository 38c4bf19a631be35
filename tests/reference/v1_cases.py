"""Models and images for the comparison of nnU-Net v1 with converted models, drawn from a stable random stream.

`v1_peer.py` runs v1 with them, and `test_convert_v1.py` runs the converted models.
"""

import hashlib
from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """A v1 network: features, poolings, kernels, convolutions per stage, structures, and shape of the test patch."""

    features: int
    pools: list
    kernels: list
    convolutions: int
    structures: int
    patch: tuple


HALVED, CUBE = [2, 2, 2], [3, 3, 3]
FLAT_POOL, FLAT = [1, 2, 2], [1, 3, 3]

# SOURCE: numbers of structures in the public tasks 251 to 255, `class_map_5_parts` of TotalSegmentator v1
PARTS = {"part1": 17, "part2": 24, "part3": 18, "part4": 21, "part5": 24}
CASES = {
    "stages2": Case(4, [HALVED], [CUBE] * 2, 2, 1, (8, 8, 8)),
    "stages3": Case(4, [HALVED] * 2, [CUBE] * 3, 2, 2, (8, 12, 8)),
    "stages4": Case(6, [HALVED] * 3, [CUBE] * 4, 2, 5, (16, 16, 16)),
    "stages5": Case(4, [HALVED] * 4, [CUBE] * 5, 2, 3, (32, 32, 32)),
    "stages6": Case(4, [HALVED] * 5, [CUBE] * 6, 2, 2, (64, 32, 64)),
    "odd_features": Case(3, [HALVED] * 2, [CUBE] * 3, 2, 2, (8, 8, 8)),
    "most_features": Case(160, [HALVED] * 2, [FLAT, [1, 1, 1], [1, 1, 1]], 2, 1, (8, 8, 8)),  # 160, 320, 320
    "three_convolutions": Case(4, [HALVED] * 2, [CUBE] * 3, 3, 2, (8, 8, 8)),
    "one_convolution": Case(6, [HALVED] * 2, [CUBE] * 3, 1, 2, (8, 8, 8)),
    "flat_first": Case(4, [FLAT_POOL, HALVED, HALVED], [FLAT, CUBE, CUBE, CUBE], 2, 3, (8, 16, 24)),
    "flat_two": Case(4, [FLAT_POOL, FLAT_POOL, HALVED], [FLAT, FLAT, CUBE, CUBE], 2, 2, (4, 16, 32)),
    "flat_last_pool": Case(4, [HALVED, HALVED, FLAT_POOL], [CUBE, CUBE, CUBE, CUBE], 2, 2, (8, 16, 16)),
    "never_deep": Case(4, [FLAT_POOL, FLAT_POOL], [FLAT, FLAT, FLAT], 2, 2, (3, 12, 8)),
    **{name: Case(6, [HALVED] * 3, [CUBE] * 4, 2, number, (16, 16, 16)) for name, number in PARTS.items()},
    "whole": Case(8, [HALVED] * 2, [CUBE] * 3, 2, 104, (8, 12, 12)),
}


def stream(name: str) -> np.random.RandomState:
    """Return random numbers that depend only on a name; NumPy guarantees this stream across versions."""
    return np.random.RandomState(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big"))


def weights(name: str, shapes: list) -> dict:
    """Return a tensor for each (key, shape); default norms and biases are avoided because they would hide errors."""
    numbers = stream(f"weights {name}")
    found = {}
    for key, shape in shapes:
        values = numbers.normal(size=shape)
        if key.endswith("instnorm.weight"):
            values = 1 + 0.2 * values
        elif key.endswith("instnorm.bias"):
            values *= 0.3
        elif key.startswith("seg_outputs"):  # centered rows of equal length, so that every class occurs
            values -= values.mean(axis=1, keepdims=True)
            values /= np.linalg.norm(values.reshape(len(values), -1), axis=1).reshape(-1, 1, 1, 1, 1)
        elif values.ndim > 1:
            values *= 1.4 / np.sqrt(np.prod(shape[1:]))
        found[key] = values.astype(np.float32)
    return found


def image(name: str, shape: tuple) -> np.ndarray:
    """Return normalized attenuation (z, y, x)."""
    return stream(f"image {name}").normal(size=shape).astype(np.float32)


def scan(name: str, shape: tuple) -> np.ndarray:
    """Return attenuation (HU, int16) that varies over a few voxels, (z, y, x)."""
    coarse = stream(f"scan {name}").randint(-1000, 1000, [-(-n // 4) for n in shape])
    blocks = np.kron(coarse, np.ones((4, 4, 4), int))[tuple(slice(n) for n in shape)]
    for axis in range(3):  # integer arithmetic gives the same result on every machine
        blocks = (blocks + 2 * np.roll(blocks, 1, axis) + np.roll(blocks, 2, axis)) // 4
    return blocks.astype(np.int16)


class Scan(NamedTuple):
    """A CT scan for a complete prediction: shape and spacing (mm) along (z, y, x), and width of its frame of zeros."""

    shape: tuple
    spacing: tuple
    frame: int = 0

    def voxels(self, name: str) -> np.ndarray:
        """Return attenuation (HU, int16)."""
        found = np.zeros(self.shape, np.int16)
        inside = tuple(slice(self.frame, n - self.frame) for n in self.shape)
        found[inside] = scan(name, found[inside].shape)
        return found


SCANS = {
    "same_spacing": Scan((45, 40, 50), (1.5, 1.5, 1.5)),
    "frame_of_zeros": Scan((45, 44, 50), (1.5, 1.5, 1.5), frame=4),
    "smaller_than_a_patch": Scan((12, 33, 20), (1.5, 1.5, 1.5)),
    "other_spacing": Scan((40, 50, 44), (1.8, 1.1, 1.3)),
    "coarse_slices": Scan((14, 60, 52), (6.0, 1.0, 1.2)),
}


def digest(values: np.ndarray) -> str:
    """Return a checksum of an array."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]
