"""Join the tables of all shards into one."""

import argparse
import logging
from pathlib import Path

from ctpop.schema import TABLES

LOG = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> None:
    """Read the table of every shard and write one table, sorted by key, whatever the number of shards."""
    table = next(table for table in TABLES if table.name == options.table)
    joined = table.gather(options.shards, options.out)
    LOG.info("%s: %d rows from %d shards", table.name, len(joined), len(options.shards))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--table", required=True, choices=[table.name for table in TABLES], help="which table it is")
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="Parquet file of each shard")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write; a CSV is written beside it")
