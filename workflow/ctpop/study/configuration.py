"""Validation of the settings of a study against `schemas/config.schema.yaml` and completion with defaults."""

import argparse
import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml

from ctpop.foundation import digests
from ctpop.foundation.alternatives import alternative
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import write_text
from ctpop.foundation.json_schema import filled_in, problems_of, read_schema
from ctpop.foundation.resources import resource
from ctpop.study import configuration_file, criteria, label_set_check, registry_options
from ctpop.study.label_set_check import SIDES
from ctpop.study.table_cells import cells_of

LABEL_SETS = resource("structures")
GROUPS_FILE = LABEL_SETS.parent / "groups.csv"
SCHEMA_PATH = resource("schemas", "config.schema.yaml")
Chosen = TypeVar("Chosen")
RENAMED = {
    "convert": "dicom",
    "evaluation": "evaluate",
    "index": "dicom",
    "qc": "review",
}  # current section names by the names used before version 0.1.0
PATHS = (  # settings that contain paths of files or folders
    *(("study", name) for name in ("registry", "measures", "truth", "dicom", "private")),
    *(("structures", ""), ("segment", "model"), ("segment", "weights"), ("screen", "review"), ("screen", "rules")),
    *(("evaluate", name) for name in ("reference", "compare_with")),
)
STAGES = ("cohort", "segment", "measure", "screen", "aging", "report", "review")


def load_schema() -> dict[str, Any]:
    """Return the JSON schema of the configuration.

    Returns
    -------
    dict
        Content of `schemas/config.schema.yaml`.

    Examples
    --------
    >>> load_schema()["required"]
    ['study', 'structures']

    """
    return read_schema(SCHEMA_PATH)


def validated(config: dict[str, Any], places: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Validate a configuration and fill in defaults.

    Parameters
    ----------
    config : dict
        Configuration of a study, as written in its YAML file.
    places : mapping of str to str
        File and line of each setting (`configuration_file.places_of`), for messages.

    Returns
    -------
    dict
        Configuration with all defaults, including those of nested settings.

    Raises
    ------
    ContractError
        If a key is misspelled or missing, a value is out of range, or settings contradict each other. The message
        contains one line per error with the correction.

    Examples
    --------
    >>> study = {"name": "demo", "start_from": "measures", "measures": "measures.csv"}
    >>> validated({"study": study, "structures": "demo"})["cohort"]["criteria"]
    ['age_known']

    """
    schema = load_schema()
    problems = sorted(set(problems_of(schema, config, renamed=RENAMED)))
    if not problems:
        problems = sorted(_contradictions(config))
    if problems:
        lines = (f"  {configuration_file.with_place(problem, places)}" for problem in problems)
        raise ContractError("the configuration contains errors:\n" + "\n".join(lines))
    filled: dict[str, Any] = filled_in(schema, config)
    if patients_in_measures(config["study"]):
        if "criteria" not in (config.get("cohort") or {}):
            filled["cohort"]["criteria"] = ["age_known"]  # the table need not contain the columns of other criteria
        _read_once(filled["cohort"], filled["measure"])
    if "figure6" not in (config.get("report") or {}):
        filled["report"]["figure6"] = _panels_at_hand(filled["report"]["figure6"], label_rows(config["structures"]))
    return filled


def patients_in_measures(study: dict[str, Any]) -> bool:
    """Return whether the table of measures is also the registry because no other registry is set.

    Parameters
    ----------
    study : dict
        Section `study` of a configuration.

    Returns
    -------
    bool
        Whether the table of measures also describes the patients.

    Examples
    --------
    >>> patients_in_measures({"start_from": "measures", "measures": "measures.csv"})
    True
    >>> patients_in_measures({"start_from": "measures", "measures": "measures.csv", "registry": "registry.csv"})
    False

    """
    return study.get("start_from") == "measures" and study.get("registry", study["measures"]) == study["measures"]


def label_set_file(name_or_path: str) -> Path:
    """Return the path of a built-in label set or of a user's label set.

    Parameters
    ----------
    name_or_path : str
        Name of a built-in label set (`paper_104`, `total_117`, `demo`) or path of a CSV file.

    Returns
    -------
    Path
        Path of the file. The file does not have to exist.

    Examples
    --------
    >>> label_set_file("demo").name
    'demo.csv'

    """
    shipped = LABEL_SETS / f"{name_or_path}.csv"
    return shipped if shipped.is_file() else Path(name_or_path)


def unknown_label_set(name_or_path: str) -> str:
    """Return the error message about a label set that does not exist.

    Parameters
    ----------
    name_or_path : str
        Value of the setting `structures`.

    Returns
    -------
    str
        Message with the names of the built-in label sets and the remedy.

    Examples
    --------
    >>> unknown_label_set("dem").partition("; ")[2]
    'did you mean demo? Set structures: demo'

    """
    shipped = sorted(path.stem for path in LABEL_SETS.glob("*.csv"))
    return (
        f"structures: {name_or_path!r} is neither a built-in label set ({', '.join(shipped)}) nor an existing CSV file"
        f"{alternative('structures', name_or_path, shipped) or '; correct the name or the path'}"
    )


def labels_digest(name_or_path: str) -> str:
    """Return a digest of the columns of a label set that describe label maps, which excludes the lower bounds.

    Parameters
    ----------
    name_or_path : str
        Name of a built-in label set or path of a CSV file.

    Returns
    -------
    str
        Digest of the labels, structures, sides, and included parts (16 hexadecimal digits).

    Examples
    --------
    >>> len(labels_digest("demo"))
    16

    """
    named = ("label", "structure", "side", "includes")
    labels = sorted(tuple(row.get(name) or "" for name in named) for row in label_rows(name_or_path))
    return digests.short(digests.of_json(labels))


def add_config_argument(parser: argparse.ArgumentParser, *sections: str) -> None:
    """Add the option `--config`, which names the study file, to a parser.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of a command, modified in place.
    *sections : str
        Sections of the study file that the command reads.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> add_config_argument(parser, "cohort", "screen")
    >>> parser.parse_args(["--config", "study.yaml"]).config.name
    'study.yaml'

    """
    named = " and ".join(sections)
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"study file (YAML) with the settings in {named} (default: default settings)",
    )


def read_file(path: Path) -> dict[str, Any]:
    """Read the sections of a study file without validation or defaults.

    Parameters
    ----------
    path : Path
        YAML file.

    Returns
    -------
    dict
        Sections by name, without defaults.

    Raises
    ------
    ContractError
        If the file cannot be read or is not a YAML mapping (`configuration_file.read`).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "study.yaml")
    ...     _ = path.write_text("screen: {rules: strict}")
    ...     read_file(path)
    {'screen': {'rules': 'strict'}}

    """
    return configuration_file.read(path)


def section(stage: str, path: Path | None) -> dict[str, Any]:
    """Read and validate one section of a study file and fill in defaults.

    Parameters
    ----------
    stage : str
        Name of the section.
    path : Path or None
        YAML file; None returns the defaults.

    Returns
    -------
    dict
        Settings of the section with all defaults.

    Raises
    ------
    ContractError
        If the file cannot be read or the section contains errors.

    Examples
    --------
    >>> section("screen", None)["rules"]
    'standard'

    """
    schema: dict[str, Any] = load_schema()["properties"][stage]
    values = read_file(path).get(stage) if path else None
    problems = [] if values is None else sorted(set(problems_of(schema, values, prefix=stage)))
    if problems:
        places = configuration_file.places_of([path]) if path else {}
        lines = (f"  {configuration_file.with_place(problem, places)}" for problem in problems)
        raise ContractError("the settings contain errors:\n" + "\n".join(lines))
    filled: dict[str, Any] = filled_in(schema, values or {})
    return filled


def write(config: dict[str, Any], folder: Path) -> Path:
    """Write a configuration to a file named after a digest of its content and return the path.

    Parameters
    ----------
    config : dict
        Configuration of a study.
    folder : Path
        Folder of the file.

    Returns
    -------
    Path
        Path of the file `config-<digest>.yaml`.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write({"structures": "demo"}, Path(folder))
    ...     path.name.startswith("config-"), read_file(path)
    (True, {'structures': 'demo'})

    """
    text = yaml.safe_dump(config, sort_keys=True, allow_unicode=True)
    path = folder / f"config-{digests.short(digests.of_text(text))}.yaml"
    if not path.is_file():
        write_text(text, path)
    return path


def chosen(kind: type[Chosen], stage: str, path: Path | None) -> Chosen:
    """Return the validated settings of a section that several programs share as an instance of a dataclass.

    Parameters
    ----------
    kind : type
        Dataclass whose fields have the names of settings of the section.
    stage : str
        Name of the section.
    path : Path or None
        YAML file; None returns the defaults.

    Returns
    -------
    Chosen
        Instance of `kind`. Fields without a setting in the section keep the default of the dataclass.

    Raises
    ------
    ContractError
        If the file cannot be read or the section contains errors.

    Examples
    --------
    >>> from dataclasses import make_dataclass
    >>> chosen(make_dataclass("Screening", ["rules"]), "screen", None)
    Screening(rules='standard')

    """
    values = section(stage, path)
    return kind(**{field.name: values[field.name] for field in fields(kind) if field.name in values})  # type: ignore[arg-type]


def label_rows(name_or_path: str) -> list[dict[str, str]]:
    """Return the rows of a label set as text, or an empty list if the file does not exist.

    Parameters
    ----------
    name_or_path : str
        Name of a built-in label set or path of a CSV file.

    Returns
    -------
    list of dict of str to str
        Cells by column for each row.

    Raises
    ------
    ContractError
        If the file cannot be read (`table_cells.cells_of`).

    Examples
    --------
    >>> row = label_rows("demo")[0]
    >>> row["label"], row["structure"]
    ('1', 'spleen')

    """
    path = label_set_file(name_or_path)
    if not path.is_file():
        return []
    return label_set_check.named_rows(cells_of(path, registry_options.WITHOUT_SETTINGS))[1]


def contralateral_of(structures: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Return the contralateral structure of each structure of a pair if both structures are given.

    Parameters
    ----------
    structures : iterable of (str, Any)
        Name and side of each structure. A structure with a side outside `SIDES` is unpaired.

    Returns
    -------
    dict of str to str
        Name of the contralateral structure by name of the structure.

    Examples
    --------
    >>> contralateral_of([("kidney_left", "left"), ("kidney_right", "right"), ("spleen", None)])
    {'kidney_left': 'kidney_right', 'kidney_right': 'kidney_left'}

    """
    other = dict(zip(SIDES, SIDES[::-1], strict=True))
    paired = [name for name, side in structures if side in SIDES]
    mirrored = {name: "_".join(other.get(word, word) for word in name.split("_")) for name in paired}
    return {
        name: contralateral
        for name, contralateral in mirrored.items()
        if contralateral in mirrored and contralateral != name
    }


def groups_of(names: list[str], path: Path = GROUPS_FILE) -> dict[str, dict[str, bool]]:
    """Return the members of each group of structures and whether the label set contains each member.

    Two types of groups are omitted: groups without a member in the label set, and groups whose name is also the name of
    a structure of the label set. In the latter case, the structure segmented by the model replaces the group.

    Parameters
    ----------
    names : list of str
        Names of the structures of a label set.
    path : Path
        CSV file with the columns `group` and `structure`.

    Returns
    -------
    dict of str to dict of str to bool
        Whether the label set contains the member, by group and member.

    Raises
    ------
    ContractError
        If no label set contains a member, because a misspelled member would be silently missing from its group.

    Examples
    --------
    >>> groups_of(["kidney_left", "spleen"])
    {'kidneys': {'kidney_left': True, 'kidney_right': False}}

    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [(row["group"], row["structure"]) for row in csv.DictReader(file)]
    known = {*names, *(row["structure"] for shipped in LABEL_SETS.glob("*.csv") for row in label_rows(str(shipped)))}
    unknown = [f"{structure} (group {group})" for group, structure in rows if structure not in known]
    if unknown:
        raise ContractError(f"{path}: no label set contains {', '.join(unknown[:3])}; correct the names of structures")
    groups: dict[str, dict[str, bool]] = {}
    for group, structure in rows:
        groups.setdefault(group, {})[structure] = structure in names
    return {group: members for group, members in groups.items() if any(members.values()) and group not in names}


def _read_once(cohort: dict[str, Any], measure: dict[str, Any]) -> None:
    """Move the settings for reading a registry to those of the table of measures if both tables are the same file."""
    columns = {**cohort.pop("columns", {}), **measure.get("columns", {})}
    for name in registry_options.FORM:
        if name in cohort:
            measure.setdefault(name, cohort.pop(name))
    if columns:
        measure["columns"] = columns


def _contradictions(config: dict[str, Any]) -> Iterator[str]:
    study = config["study"]
    start_from = study.get("start_from", "images")
    yield from _measures_contradictions(config, start_from)
    yield from _braces_in_paths(config)
    if start_from == "images" and "model" not in (config.get("segment") or {}):
        yield (
            "segment.model: this setting is missing; start_from images requires a model set, such as"
            " segment: {model: total_117_1.5mm}, or the path of a model folder"
        )
    formats = (config.get("report") or {}).get("formats", ["png"])
    if not {"png", "svg"} & set(formats):
        yield (
            f"report.formats: {formats} contains neither png nor svg; add one of these formats for the HTML pages: set"
            f" formats: [{', '.join([*formats, 'png'])}]"
        )
    if "evaluate" in config:
        yield from _evaluation_contradictions(config["evaluate"], study["name"], start_from)
    yield from _falling_ages((config.get("aging") or {}).get("cut_years", []))
    yield from _criteria_contradictions((config.get("cohort") or {}).get("criteria", []))
    yield from _unknown_structures(config)


def _falling_ages(cut_years: list[float]) -> Iterator[str]:
    rising = sorted(set(cut_years))
    if cut_years != rising:
        yield f"aging.cut_years: ages must be in ascending order, found {cut_years}; set cut_years: {rising}"


def _criteria_contradictions(entries: list[str | dict[str, Any]]) -> Iterator[str]:
    try:
        criteria.read(entries)
    except ContractError as error:
        yield str(error)


def _braces_in_paths(config: dict[str, Any]) -> Iterator[str]:
    """Yield an error for each path that Snakemake would interpret as a pattern."""
    for section, name in PATHS:
        part = config.get(section) or {}
        found = part.get(name) if isinstance(part, dict) else part
        paths = list(found.values()) if isinstance(found, dict) else [found]
        for path in (path for path in paths if isinstance(path, str) and re.search("[{}]", path)):
            place = f"{section}.{name}" if name else section
            yield (
                f"{place}: {path!r} contains braces, which Snakemake interprets as wildcards; rename the file or folder"
            )


def _measures_contradictions(config: dict[str, Any], start_from: str) -> Iterator[str]:
    """Yield an error for each contradiction between the starting point and the settings of a table of measures."""
    study, measure = config["study"], config.get("measure") or {}
    if start_from != "measures":
        for name in (name for name in ("columns", "confirmed", *registry_options.FORM) if name in measure):
            yield (
                f"measure.{name}: this setting applies only to start_from measures, but start_from is {start_from};"
                " remove this setting"
            )
        if "measures" in study:
            yield (
                f"study.measures: this setting applies only to start_from measures, but start_from is {start_from}; set"
                " study: {start_from: measures}, or remove study.measures"
            )
        return
    if "dicom" in study:
        yield (
            "study.dicom: this setting does not apply to start_from measures, which uses no images; remove study.dicom"
        )
    if "measures" not in study:
        yield (
            "study.measures: this setting is missing; start_from measures requires the path of a table of measures, for"
            " example study: {measures: measures.csv}"
        )
    elif patients_in_measures(study):
        yield from _double_settings(config.get("cohort") or {}, measure)


def _double_settings(cohort: dict[str, Any], measure: dict[str, Any]) -> Iterator[str]:
    """Yield an error for each setting of one table that the two sections set to different values."""
    names = [("columns", name) for name in cohort.get("columns", {})] + [("", name) for name in registry_options.FORM]
    for section, name in names:
        first, second = (part.get(section, {}) if section else part for part in (cohort, measure))
        if name in first and name in second and first[name] != second[name]:
            place = ".".join(filter(None, (section, name)))
            yield (
                f"cohort.{place} and measure.{place}: these settings have different values, {first[name]!r} and"
                f" {second[name]!r}, but the table of measures is also the registry; remove one of the settings"
            )


def _evaluation_contradictions(evaluation: dict[str, Any], study: str, start_from: str) -> Iterator[str]:
    if "reference" not in evaluation:
        yield (
            "evaluate.reference: this setting is missing; set it to the path of the CSV file that lists the reference"
            " masks, for example evaluate: {reference: references.csv}"
        )
    if start_from == "measures":
        yield (
            "evaluate: this section does not apply to start_from measures, which uses no label maps; remove this"
            " section"
        )
    if study in evaluation.get("compare_with", {}):
        yield f"evaluate.compare_with: {study} is the name of this study; choose a different name for the other model"


def _unknown_structures(config: dict[str, Any]) -> Iterator[str]:
    path = label_set_file(config["structures"])
    problems = label_set_check.problems_of(path) if path.is_file() and path.parent != LABEL_SETS else []
    if problems:
        yield from (f"structures: {problem}" for problem in problems)
        return
    names = [row.get("structure", "") for row in label_rows(config["structures"])]
    if not names:
        yield unknown_label_set(config["structures"])
        return
    panels = [panel[0] for panel in (config.get("report") or {}).get("figure6", [])]
    mentioned = {
        "report.figure6": (panels, [*names, *groups_of(names)]),
        "aging.primary": ((config.get("aging") or {}).get("primary", []), [*names, *groups_of(names)]),
        "aging.change_points": ((config.get("aging") or {}).get("change_points", []), [*names, *groups_of(names)]),
        "screen.lower_bound_ml": (list((config.get("screen") or {}).get("lower_bound_ml") or {}), names),
        "evaluate.structures": ((config.get("evaluate") or {}).get("structures", []), names),
    }
    for place, (found, known) in mentioned.items():
        unknown = [name for name in found if name not in known]
        if unknown:
            close = difflib.get_close_matches(unknown[0], known, n=1)
            hint = (
                f"; did you mean {close[0]!r}? Replace {unknown[0]} with {close[0]}" if close else "; correct the names"
            )
            yield f"{place}: label set {config['structures']} does not contain {', '.join(unknown)}{hint}"


def _panels_at_hand(panels: list[list[str]], rows: list[dict[str, str]]) -> list[list[str]]:
    """Return the default panels available in the label set, or a panel of its first structure if none is available."""
    names = [row.get("structure", "") for row in rows]
    return [panel for panel in panels if panel[0] in names] or [[names[0], "volume_ml"]]
