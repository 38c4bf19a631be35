"""`python -m ctpop`: the same as the command `ctpop`."""

import sys

from ctpop.cli import main

if __name__ == "__main__":
    sys.exit(main())
