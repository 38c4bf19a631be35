"""The additional commands of the stage `aging`, run on artificial values."""

import pandas as pd

from ctpop.cli import main
from ctpop.contracts import all_tables
from support.config_files import config_option


def analysis_of(cohort, values):
    """Return the table `analysis` of a cohort from values by structure and measure."""
    frames = [
        pd.DataFrame({"scan_id": cohort["scan_id"], "structure": structure, "measure": measure, "value": each})
        for (structure, measure), each in values.items()
    ]
    return all_tables.ANALYSIS.check(pd.concat(frames, ignore_index=True).dropna())


def written_tables(command, folder, labels, tables, cohort, analysis, settings):
    """Run a command and return its output tables; `tables` contains the contract of each table by option."""
    (folder / "labels.csv").write_text(labels)
    all_tables.COHORT.write(cohort, folder / "cohort.parquet")
    all_tables.ANALYSIS.write(analysis, folder / "analysis.parquet")
    outputs = [part for name in tables for part in (f"--{name}", str(folder / f"{name}.parquet"))]
    inputs = ["--analysis", str(folder / "analysis.parquet"), "--cohort", str(folder / "cohort.parquet")]
    more = ["--structures", str(folder / "labels.csv"), *config_option(aging=settings)]
    assert main([command, *inputs, *more, *outputs]) == 0
    return {name: getattr(all_tables, table).read(folder / f"{name}.parquet") for name, table in tables.items()}
