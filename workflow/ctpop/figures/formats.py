"""File formats of figures and the corresponding command-line options; does not import matplotlib."""

import argparse

FORMATS = ("pdf", "svg", "png")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add options for the resolution and the formats of the figures that a command writes."""
    parser.add_argument("--dpi", type=int, default=300, help="resolution of PNG figures in dpi (default: %(default)s)")
    parser.add_argument(
        "--formats", nargs="+", choices=FORMATS, default=FORMATS, help="file formats of figures (default: %(default)s)"
    )
