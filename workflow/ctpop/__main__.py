"""Entry point of `python -m ctpop`, which is equivalent to the command `ctpop`."""

import sys

from ctpop.cli import main

if __name__ == "__main__":
    sys.exit(main())
