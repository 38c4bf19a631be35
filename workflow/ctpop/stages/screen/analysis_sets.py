"""The values that enter the statistics under each rule set, for a comparison of results (`analysis_sets`)."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as arrow

from ctpop.contracts import parquet_files
from ctpop.contracts.all_tables import ANALYSIS_SETS, VALUE_SETS
from ctpop.foundation.files import remove_half_written, write_atomically

WORDS = arrow.dictionary(arrow.int32(), arrow.string())
SCHEMA = arrow.schema([(name, arrow.float64() if name == "value" else WORDS) for name in ANALYSIS_SETS.columns])


def write_sets(sets: Iterable[tuple[str, pd.DataFrame]], path: Path) -> None:
    """Write the values of each rule set as a separate row group.

    Only one set is in memory at a time, and text is stored as numbers, because 100,000 scans have 90 million values.

    Parameters
    ----------
    sets
        Name and values of each set. The names have the order of `VALUE_SETS`. The values are sorted by key, as
        returned by `groups.with_groups`.
    path
        Path of the Parquet file.

    """

    def write(part: Path) -> None:
        with parquet_files.writing(part, SCHEMA) as writer:
            for name, values in sets:
                rules = pd.Categorical([name], categories=list(VALUE_SETS)).repeat(len(values))
                frame = values.assign(rules=rules)[list(ANALYSIS_SETS.columns)]
                table = arrow.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False)
                writer.write_table(table.replace_schema_metadata(), row_group_size=max(len(frame), 1))

    remove_half_written(path.parent)
    write_atomically(path, write)
