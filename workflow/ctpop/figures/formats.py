"""The file formats of figures, and the options of commands that write some; needs no matplotlib."""

import argparse

FORMATS = ("pdf", "svg", "png")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the resolution and the formats of the figures that a command writes."""
    parser.add_argument("--dpi", type=int, default=300, help="resolution of PNG figures (default: %(default)s)")
    parser.add_argument(
        "--formats", nargs="+", choices=FORMATS, default=FORMATS, help="formats of figures (default: %(default)s)"
    )
