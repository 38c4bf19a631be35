"""Pack a label map and a CT of 512 x 512 x 824 voxels with libdeflate (what we write with), zlib and ISA-L.

    python bench/packing.py > bench/packing.md

The images are the drawn ones of `real_size.py`. Each packer gets the same bytes and makes one gzip stream, of which the
smallest time of a few is kept.
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
    """Return what a packer makes of data that it gets in parts."""

    def parts() -> Iterator[bytes]:
        for start in range(0, data.size, CHUNK_BYTES):
            yield packing.compress(data[start : start + CHUNK_BYTES])
        yield packing.flush()

    return b"".join(parts())


def measure(packer: Callable[[NDArray[np.uint8]], bytes], data: NDArray[np.uint8], times: int) -> tuple[float, float]:
    """Return seconds of a core and MB."""
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
    parser.add_argument("--times", type=int, default=3, help="packings of each image by each packer")
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
    print(table(["packer", *(f"{image}, {unit}" for image in images for unit in ("s", "MB"))], rows))
    print(f"\nUnpacked, {' and '.join(f'the {name} has {data.nbytes / 1e6:.0f} MB' for name, data in flat.items())}.")


if __name__ == "__main__":
    main()
