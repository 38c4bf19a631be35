"""Interpretation of user-provided tables: the inferred format, columns, and codes."""

from pathlib import Path
from typing import Any

from ctpop.contracts.all_tables import TRUTH
from ctpop.foundation.errors import ContractError
from ctpop.study import configuration, decisions, label_set_check, measures_table, registry, user_tables
from ctpop.study.label_sets import STRUCTURES
from ctpop.study.registry_options import measures_reading_of, reading_of


def notes_of(config: dict[str, Any], names: list[str]) -> list[tuple[str, list[str]]]:
    """Return the names of the input tables with a sentence for each inference; tables without inferences are omitted.

    Parameters
    ----------
    config
        Configuration of the study.
    names
        Structures of the label set.

    """
    study = config["study"]
    found = []
    if study["start_from"] == "measures" and Path(study["measures"]).is_file():
        found.append((Path(study["measures"]).name, _of_measures(config, names)))
    if not configuration.patients_in_measures(study):
        found.append((Path(study["registry"]).name, _of_registry(config)))
    found += [(path.name, _of_other(path, kind, names)) for path, kind in _others(config)]
    return [(name, notes) for name, notes in found if notes]


def _others(config: dict[str, Any]) -> list[tuple[Path, str]]:
    """Return the paths and types of the tables without their own settings: label set, ground truth, and decisions."""
    label_set = configuration.label_set_file(config["structures"])
    own = [] if label_set.parent == configuration.LABEL_SETS else [(label_set, "structures")]
    named = ((config["study"].get("truth"), "truth"), (config["screen"].get("review"), "review"))
    return [*own, *((Path(name), kind) for name, kind in named if name)]


def _of_other(path: Path, kind: str, names: list[str]) -> list[str]:
    notes: list[str] = []
    try:
        if kind == "review":
            decisions.decision_cells(path, names, notes)
        else:
            columns = {"structures": (*STRUCTURES.columns, *label_set_check.OPTIONAL), "truth": TRUTH.columns}[kind]
            user_tables.named_as(columns, registry.read_cells(path, notes=notes), path, notes)
        return _without_place(notes, path)
    except (ContractError, OSError):
        return ["the file has changed since the study was run"]


def _of_measures(config: dict[str, Any], names: list[str]) -> list[str]:
    path, notes = Path(config["study"]["measures"]), list[str]()
    try:
        table = measures_table.read(path, measures_reading_of(config["measure"], config["cohort"]), names, notes)
        if configuration.patients_in_measures(config["study"]):
            patients = measures_table.patients_in(table, names, path)
            registry.check_text(patients, path, reading_of(config["cohort"]), notes)
    except (ContractError, OSError):
        notes.append("the file has changed since the study was run")
    return _without_place(notes, path)


def _of_registry(config: dict[str, Any]) -> list[str]:
    path, notes = Path(config["study"]["registry"]), list[str]()
    try:
        registry.read_registry(path, reading_of(config["cohort"]), notes)
    except (ContractError, OSError):
        notes.append("the file has changed since the study was run")
    return _without_place(notes, path)


def _without_place(notes: list[str], path: Path) -> list[str]:
    return [note.removeprefix(f"{path}: ") for note in notes]
