"""Compare the compression of a label map and a CT of 512 × 512 × 824 voxels with libdeflate, zlib, and ISA-L.

    python bench/packing.py > bench/packing.md

ctpop compresses with libdeflate. The images are those of `real_size.py`. Each library compresses the same bytes into
one gzip stream; the time is the smallest of several runs.
"""

import argparse
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import deflate
import numpy as np
from isal import isal_zlib
from machine import heading, load, table
from numpy.typing import NDArray
from real_size import SIZES, draw_ct, draw_labels

GZIP = zlib.MAX_WBITS + 16
CHUNK_BYTES = 1 << 20
STRUCTURES = 104

PACKERS: dict[str, Callable[[NDArray[np.uint8]], bytes]] = {
    "libdeflate 1": lambda data: deflate.gzip_compress(data, 1),
    "libdeflate 6": lambda data: deflate.gzip_compress(data, 6),
    "libdeflate 9": lambda data: deflate.gzip_compress(data, 9),
    "zlib 1": lambda data: streamed(zlib.compressobj(1, zlib.DEFLATED, GZIP), data),
    "zlib 6": lambda data: streamed(zlib.compressobj(6, zlib.DEFLATED, GZIP), data),
    "ISA-L 1": lambda data: streamed(isal_zlib.compressobj(1, isal_zlib.DEFLATED, GZIP), data),
}


def streamed(packing: Any, data: NDArray[np.uint8]) -> bytes:
    """Return the output of a compressor that receives the data in parts."""

    def parts() -> Iterator[bytes]:
        for start in range(0, data.size, CHUNK_BYTES):
            yield packing.compress(data[start : start + CHUNK_BYTES])
        yield packing.flush()

    return b"".join(parts())


def measure(packer: Callable[[NDArray[np.uint8]], bytes], data: NDArray[np.uint8], times: int) -> tuple[float, float]:
    """Return the CPU time (s) and the compressed size (MB)."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        packed = packer(data)
        seconds.append(time.process_time() - start)
    return min(seconds), len(packed) / 1e6


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="large")
    parser.add_argument("--times", type=int, default=3, help="runs per image and library (default: %(default)s)")
    args = parser.parse_args()
    before = load()
    shape = SIZES[args.size]
    images = {"label map": draw_labels(shape, STRUCTURES), "CT": draw_ct(shape)}
    flat = {name: image.reshape(-1, order="F").view(np.uint8) for name, image in images.items()}
    rows = []
    for name, packer in PACKERS.items():
        found = [measure(packer, data, args.times) for data in flat.values()]
        rows.append([name, *(cell for seconds, size in found for cell in (f"{seconds:.2f}", f"{size:.1f}"))])
    print(heading(before) + "\n")
    print(table(["library, level", *(f"{image} ({unit})" for image in images for unit in ("s", "MB"))], rows))
    label_map, ct = (f"{data.nbytes / 1e6:.0f} MB" for data in flat.values())
    print(f"\nWithout compression, the size of the label map is {label_map} and that of the CT is {ct}.")


if __name__ == "__main__":
    main()
