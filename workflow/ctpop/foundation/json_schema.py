"""JSON schemas in YAML files: validation with messages for the author of a file, and default values."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jsonschema
import yaml

from ctpop.foundation.corrections import correction_of, in_yaml

LONGEST_MESSAGE = 300


def read_schema(path: Path) -> dict[str, Any]:
    """Return a JSON schema from a YAML file."""
    schema: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return schema


def problems_of(
    schema: dict[str, Any], values: Any, prefix: str = "", renamed: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    """Yield one line per entry that violates a JSON schema: its place, the value found, and the valid values."""
    for error in jsonschema.Draft202012Validator(schema).iter_errors(values):
        part: dict[str, Any] = dict(error.schema)
        found: Any = error.instance
        place = ".".join([*([prefix] if prefix else []), *map(str, error.absolute_path)])
        if error.validator == "additionalProperties" and isinstance(error.validator_value, bool):
            yield from _misspelled(part, found, place, renamed, schema)
        elif error.validator == "required":
            absent = [key for key in part["required"] if key not in found]
            yield from (f"{_join(place, key)}: missing key; {_meaning(part, key, schema)}" for key in absent)
        else:
            remedy = correction_of(error.absolute_path[-1], found, part) if error.absolute_path else ""
            end = f"; {remedy}" if remedy else ""
            yield f"{place or 'top level'}: {_shortened(error.message)}{_expected(part, found)}{end}"


def filled_in(schema: dict[str, Any], values: Any) -> Any:
    """Return values, at any depth, completed with the defaults of their JSON schema."""
    if isinstance(values, list):
        return [filled_in(schema.get("items", {}), value) for value in values]
    if not isinstance(values, dict):
        return values
    filled = dict(values)
    for key, part in schema.get("properties", {}).items():
        if key not in filled and "default" in part:
            filled[key] = part["default"]
        if key in filled:
            filled[key] = filled_in(part, filled[key])
    return filled


def _misspelled(
    schema: dict[str, Any], values: dict[str, Any], place: str, renamed: Mapping[str, str], root: dict[str, Any]
) -> Iterator[str]:
    known = list(schema["properties"])
    for key in values:
        name = _join(place, str(key))
        if name in renamed:
            yield f"{name}: this key was renamed {renamed[name]}; replace {name}: with {renamed[name]}:"
        elif key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"valid keys are {', '.join(known)}; {_elsewhere(str(key), values[key], root)}"
            hint = f"did you mean {close[0]!r}? Replace {key}: with {close[0]}:" if close else hint
            yield f"{name}: unknown key; {hint}"


def _elsewhere(key: str, value: Any, root: dict[str, Any]) -> str:
    """Return the remedy for an unknown key: move the key to the section that contains it, or remove the key."""
    sections = root.get("properties", {})
    section = next((name for name, part in sections.items() if key in part.get("properties", {})), None)
    if section is None:
        return "remove the line, or use one of these keys"
    return f"remove the line, and set {in_yaml({section: {key: value}})}"


def _shortened(message: str) -> str:
    """Return a message, shortened in the middle if a value is too long."""
    half = LONGEST_MESSAGE // 2
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:half]} … {message[-half:]}"


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _meaning(schema: dict[str, Any], key: str, root: dict[str, Any]) -> str:
    part = schema["properties"].get(key, {})
    part = root.get("$defs", {}).get(part.get("$ref", "").rpartition("/")[2], part)
    meaning = " ".join(str(part.get("description", "add this key")).split())
    example = next(iter(part.get("examples", [])), part.get("default"))
    return meaning if example is None else f"{meaning.removesuffix('.')}; set {in_yaml({key: example})}"


def _expected(schema: dict[str, Any], found: Any) -> str:
    meaning = " ".join(str(schema.get("description", "")).split())
    hint = _hint(schema.get("type"), found)
    text = "; ".join(part for part in (meaning.removesuffix(".") if hint else meaning, hint) if part)
    return f" ({text})" if text else ""


def _hint(kind: Any, found: Any) -> str:
    if found is None:
        return "the key has no value: remove the line or add a value"
    if kind == "string" and isinstance(found, bool | int | float):
        return "put the value in quotation marks, because YAML does not read it as text"
    if kind in ("number", "integer") and _looks_like_number(found):
        return "write the number with a decimal point, such as 1.0e-4, because YAML reads 1e-4 as text"
    return ""


def _looks_like_number(found: Any) -> bool:
    try:
        return isinstance(found, str) and float(found) is not None
    except ValueError:
        return False
