"""Files that are generated from declarations.

`docs/data.md` is generated from the table contracts, `docs/config.md` from the configuration schema, and the captions
of the Snakemake report from the lists of figures and tables.
"""

import argparse
import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctpop.contracts import dicom, efficiency, evaluation, study_tables
from ctpop.contracts.all_tables import (
    COMPARISON,
    HISTOGRAMS,
    INPUTS,
    POOLED,
    PUBLISHED,
    SCORES,
    SITE_SHIFTS,
    TABLES,
)
from ctpop.contracts.code_lists import CODE_LISTS
from ctpop.contracts.columns import Column
from ctpop.contracts.tables import Table
from ctpop.documents.dictionary_texts import CONFIG_INTRODUCTION, DATA_INTRODUCTION, INPUT_INTRODUCTION
from ctpop.figures import captions, catalog
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import write_text
from ctpop.study.configuration import load_schema
from ctpop.study.label_sets import STRUCTURES
from ctpop.study.rules import BY_NAME as RULES

LOG = logging.getLogger(__name__)

TYPE_NAMES = {
    "str": "text",
    "float64": "number",
    "int16": "whole number",
    "int64": "whole number",
    "bool": "true or false",
    "boolean": "true or false",
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "object": "mapping",
    "array": "list",
    "null": "null",
}
LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "maxLength": "length ≤ {}",
    "pattern": "`{}`",
}
CONTENTS = "## Contents"
GROUPS = {  # title in the contents: stages whose tables are in the group
    "Cohort": ("cohort",),
    "Segmentation and measurement": ("dicom", "segment", "measure"),
    "Screening and review": ("screen", "review"),
    "Statistics": ("aging",),
    "Evaluation": ("evaluate",),
    "Computing resources": ("operate",),
}
STAGES = {  # of tables that are not in the folder `tables` of a study
    "histograms": "measure",
    "comparison": "aging",
    "pooled": "aging",
    "scores": "aging",
    "site_shifts": "aging",
    "published_results": "aging",
    "runtime": "operate",
    "scan_seconds": "operate",
}
PAGE = re.compile(r"\bdocs/([\w/]+\.md)")
CODE_SPAN = re.compile(r"(`[^`]*`)")


def data_page(inputs: Iterable[Table], tables: Iterable[Table]) -> str:
    """Return the page about inputs, tables, and codes."""
    inputs, groups = list(inputs), _groups_of(tables)
    parts = [DATA_INTRODUCTION, _contents(inputs, groups), INPUT_INTRODUCTION, *map(_table_section, inputs)]
    parts += ["## Tables\n", *(_table_section(table) for members in groups.values() for table in members)]
    parts += ["## Codes\n", *(_code_section(*listed) for listed in CODE_LISTS)]
    return "\n".join(parts)


def _groups_of(tables: Iterable[Table]) -> dict[str, list[Table]]:
    """Return the tables by group, in the order of the page."""
    members = list(tables)
    return {title: [table for table in members if _stage_of(table.name) in stages] for title, stages in GROUPS.items()}


def _stage_of(name: str) -> str:
    return STAGES[name] if name in STAGES else RULES[study_tables.BY_NAME[name].rule].stage


def _contents(inputs: Iterable[Table], groups: Mapping[str, Iterable[Table]]) -> str:
    """Return the table of contents: a link to each heading, with one line about each table and list of codes."""
    pages = [f"  - {_link(title)}" for title in re.findall("^### (.*)$", INPUT_INTRODUCTION, re.MULTILINE)]
    lines = [f"- {_link('Inputs')}", *pages, *(f"  - {_table_line(table)}" for table in inputs), f"- {_link('Tables')}"]
    for title, members in groups.items():
        lines += [f"  - {title}", *(f"    - {_table_line(table)}" for table in members)]
    lines += [f"- {_link('Codes')}", *(f"  - {_link(title)}: {sentence(where)}" for title, where, _ in CODE_LISTS)]
    return "\n".join([CONTENTS, "", *lines, ""])


def _table_line(table: Table) -> str:
    return f"[`{table.name}`](#{table.name}): {sentence(re.split(r': one row per|[.] ', table.meaning)[0])}"


def _link(title: str) -> str:
    return f"[{title}](#{title.lower().replace(' ', '-')})"


def config_page(schema: Mapping[str, Any]) -> str:
    """Return the page about settings, with one heading per section of the configuration."""
    required = schema["required"]
    sections = (_config_section(name, part, name in required) for name, part in schema["properties"].items())
    return "\n".join([CONFIG_INTRODUCTION, *sections])


def report_captions() -> dict[str, str]:
    """Return the captions of figures and tables in the Snakemake report by file name."""
    figures = {f"figure_{kind.name}.rst": captions.restructured_text(kind) for kind in catalog.KINDS}
    tables = {
        f"table_{section.name}.rst": f"{section.caption} The columns are described in ``docs/data.md``.\n"
        for section in study_tables.SECTIONS.values()
    }
    return {**figures, **tables}


def _table_section(table: Table) -> str:
    head = ["column", "type", "unit", "allowed", "meaning", "missing if"]
    rows = [[f"`{name}`", *_column_row(column)] for name, column in table.columns.items()]
    key = ", ".join(f"`{name}`" for name in table.key)
    text = f"{sentence(table.meaning)} Key: {key}.{_written_by(table)}"
    return f"### {table.name}\n\n{text}\n\n{_markdown_table(head, rows)}"


def _written_by(table: Table) -> str:
    written = study_tables.BY_NAME.get(table.name)
    return f" Written by the rule `{written.rule}` (stage {RULES[written.rule].stage})." if written else ""


def _code_section(title: str, where: str, meanings: Mapping[str, str]) -> str:
    rows = [[f"`{code}`", sentence(meaning)] for code, meaning in meanings.items()]
    return f"### {title}\n\n{sentence(where)}\n\n{_markdown_table(['code', 'meaning'], rows)}"


def _config_section(name: str, part: Mapping[str, Any], required: bool) -> str:
    head = ["key", "type", "allowed", "default", "meaning"]
    if "properties" not in part:
        return f"## {name}\n\n{_markdown_table(head, [_setting_row(name, part, required)])}"
    needed = part.get("required", [])
    rows = [_setting_row(f"{name}.{key}", inner, key in needed) for key, inner in part["properties"].items()]
    return f"## {name}\n\n{_one_line(part['description'])}\n\n{_markdown_table(head, rows)}"


def _setting_row(key: str, part: Mapping[str, Any], required: bool) -> list[str]:
    default = f"`{json.dumps(part['default'])}`" if "default" in part else "none"
    return [
        f"`{key}`",
        _setting_type(part),
        "; ".join(_limits(part)),
        "required" if required else default,
        _one_line(part["description"]),
    ]


def _setting_type(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return "code"
    if "prefixItems" in part:
        return f"pair of {' and '.join(_setting_type(inner) for inner in part['prefixItems'])}"
    if part.get("type") == "array":
        return f"list of {_plural(_setting_type(part['items']))}"
    if part.get("type") == "object":
        kind = _setting_type(part["additionalProperties"])
        return f"nested {kind}" if kind.startswith("mapping") else f"mapping to {kind}"
    kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
    return " or ".join(TYPE_NAMES[str(kind)] for kind in kinds)


def _plural(kind: str) -> str:
    """Return the plural of a type, such as `texts or mappings`."""
    if kind.startswith("pair of"):
        return kind.replace("pair", "pairs", 1)
    return " or ".join(f"{word}s" for word in kind.split(" or "))


def _limits(part: Mapping[str, Any]) -> list[str]:
    if "prefixItems" in part:
        return [words for inner in part["prefixItems"] for words in _limits(inner)]
    limits = [", ".join(f"`{value}`" for value in part["enum"])] if "enum" in part else []
    limits += [words.format(part[limit]) for limit, words in LIMITS.items() if limit in part]
    limits += [f"{part.get('minItems', 0)} to {part['maxItems']} entries"] if "maxItems" in part else []
    limits += ["unique entries"] if part.get("uniqueItems") else []
    inner = part.get("items") or part.get("additionalProperties")
    return limits + (_limits(inner) if inner else [])


def _column_row(column: Column) -> list[str]:
    return [
        _type_name(column),
        column.unit,
        "; ".join(_allowed(column)),
        sentence(column.meaning),
        sentence(column.missing),
    ]


def _type_name(column: Column) -> str:
    return TYPE_NAMES[column.dtype.lower()]


def _allowed(column: Column) -> Iterable[str]:
    if column.allowed:
        yield ", ".join(f"`{value}`" for value in column.allowed)
    if column.pattern:
        yield f"`{column.pattern}`"
    if column.low is not None:
        yield f"≥ {column.low:g}"
    if column.high is not None:
        yield f"≤ {column.high:g}"


def sentence(text: str) -> str:
    """Return a text of a contract with a capital letter, a period, and links to pages; an empty text remains empty."""
    return _with_links(f"{text[0].upper()}{text[1:]}.") if text else ""


def _one_line(text: str) -> str:
    """Return a text in one line, with links to pages and without HTML tags outside code spans."""
    parts = CODE_SPAN.split(_with_links(" ".join(text.split())))
    return "".join(part if part.startswith("`") else part.replace("<", "\\<") for part in parts)


def _with_links(text: str) -> str:
    return PAGE.sub(r"[\1](\1)", text)


def _markdown_table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


@dataclass(frozen=True)
class DictionaryOptions:
    """Options of the command `dictionary`; `ctpop dictionary --help` describes them."""

    data: Path
    config: Path
    captions: Path | None
    check: bool


def run(options: DictionaryOptions) -> None:
    """Write all files, or compare them with the files on disk (`--check`).

    Raises
    ------
    ContractError
        With `--check`, if a file is missing or differs, or if a caption belongs to no figure or table.

    """
    inputs = (*INPUTS, evaluation.REFERENCE, STRUCTURES, *dicom.TABLES)
    of_commands = (COMPARISON, POOLED, SCORES, SITE_SHIFTS, PUBLISHED)
    tables = (*TABLES, HISTOGRAMS, *of_commands, *evaluation.TABLES, *efficiency.TABLES)
    files = {options.data: data_page(inputs, tables), options.config: config_page(load_schema())}
    superfluous: list[Path] = []
    if options.captions:
        files |= {options.captions / name: text for name, text in report_captions().items()}
        known = [*options.captions.glob("figure_*.rst"), *options.captions.glob("table_*.rst")]
        superfluous = sorted(path for path in known if path not in files)
    if options.check:
        _refuse_stale([*(path for path, text in files.items() if not _holds(path, text)), *superfluous])
        return
    for path, text in files.items():
        write_text(text, path)
        LOG.info("%s: %d lines", path, text.count("\n"))
    for path in superfluous:
        path.unlink()


def _refuse_stale(paths: list[Path]) -> None:
    if paths:
        names = ", ".join(map(str, paths))
        raise ContractError(
            f"{names}: not up to date with the declarations in workflow/; run `make docs` to write all files again"
        )


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--data", type=Path, required=True, help="Markdown page of inputs, tables, and codes to write")
    parser.add_argument("--config", type=Path, required=True, help="Markdown page of settings to write")
    parser.add_argument("--captions", type=Path, help="folder for the captions of the Snakemake report")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with an error if a file on disk differs"
    )
