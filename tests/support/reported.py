"""Reports of synthetic studies: the arguments of the command, and pages without figures."""

from pathlib import Path

from ctpop.documents.table1_text import printed
from ctpop.stages.cohort.table1_files import write_table1
from ctpop.stages.report import command as report
from ctpop.stages.report import pages
from ctpop.stages.report.finished_study import FinishedStudy, read_study
from ctpop.stages.report.provenance import provenance
from ctpop.study import configuration, label_sets
from support import study_tables
from support.config_files import config_option
from support.studies import QUICK_FIGURES


def written(folder, patients, labels, failed=None, without=(), changes=None, **study):
    """Write the tables of a study and return the arguments of `ctpop report`, which draws PNG files in one process.

    `changes` replace sections of the configuration; the settings of `report` are added to this section.
    """
    tables = study_tables.study(patients, labels, failed=failed)
    for name in without:
        del tables[name]
    study_tables.write(tables, folder / "tables")
    write_table1(printed(tables["table1"]), folder / "report", None)
    labels.table.to_csv(folder / "labels.csv", index=False)
    cheap = {"figure6": [[labels.names[0], "volume_ml"]], **QUICK_FIGURES}
    config = {
        "study": {"name": "made_up", "registry": str(folder / "registry.csv"), **study},
        "structures": str(folder / "labels.csv"),
        "segment": {"model": "no_such_model"},
        **(changes or {}),
        "report": {**cheap, **(changes or {}).get("report", {})},
    }
    options = {"tables": "tables", "figures": "figures", "report": "report", "structures": "labels.csv"}
    arguments = [part for name, place in options.items() for part in (f"--{name}", str(folder / place))]
    return ["report", *arguments, "--jobs", "1", *config_option(**config)]


def pages_of(folder, *args, **others) -> FinishedStudy:
    """Write the pages of a study without drawing figures, and return the study."""
    config = configuration.validated(configuration.read_file(Path(written(folder, *args, **others)[-1])))
    study = read_study(folder / "tables", label_sets.read(str(folder / "labels.csv")), config)
    sources = provenance(study)
    site = pages.Site(folder / "report", folder / "figures", folder / "tables", folder / "provenance.json")
    pages.write(study, [], sources, report.methods_text(study, sources), site)
    return study
