"""Corrections of entries of a YAML file that violate a JSON schema, as the line to add to the file."""

import difflib
import re
from typing import Any

import yaml

CLOSE_VALUES = 0.5  # minimum similarity of a misspelled value and a valid value
JOINED = re.compile(r"([A-Za-z_]+):(\S+)")  # a key and a value without a space after the colon


def correction_of(key: str | int, found: Any, schema: dict[str, Any]) -> str:
    """Return the correction of a value that violates its schema, or an empty string if no correction is known.

    Parameters
    ----------
    key : str or int
        Name of the setting, or index of the value in a list.
    found : Any
        Value in the file.
    schema : dict
        Schema of the value.

    Returns
    -------
    str
        End of an error message.

    Examples
    --------
    >>> correction_of("alpha", "1e-3", {"type": "number"})
    'set alpha: 0.001'
    >>> correction_of(0, "volume", {"enum": ["volume_ml", "hu_mean"]})
    'replace volume with volume_ml'

    """
    if isinstance(schema.get("type"), str) and schema["type"] == "object":
        return _of_mapping(key, found)
    for value in _candidates(found, schema):
        return f"set {in_yaml({key: value})}" if isinstance(key, str) else f"replace {found} with {value}"
    if "default" in schema and isinstance(key, str):
        return f"to use the default, set {in_yaml({key: schema['default']})}"
    return ""


def in_yaml(values: Any) -> str:
    """Return a value or a mapping as one line of YAML, without braces around a mapping with one entry.

    Parameters
    ----------
    values : Any
        Value or mapping.

    Returns
    -------
    str
        YAML without line breaks.

    Examples
    --------
    >>> in_yaml({"name": "2024"}), in_yaml({"cohort": {"criteria": ["age_known"]}})
    ("name: '2024'", 'cohort: {criteria: [age_known]}')

    """
    text = yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    line = text.removesuffix("\n").removesuffix("\n...")
    return line[1:-1] if isinstance(values, dict) and len(values) == 1 else line


def _candidates(found: Any, schema: dict[str, Any]) -> list[Any]:
    """Return the values that the author of the file probably intended."""
    kind = schema.get("type")
    if "enum" in schema:
        return difflib.get_close_matches(str(found), [str(value) for value in schema["enum"]], n=1, cutoff=CLOSE_VALUES)
    if kind == "number" and isinstance(found, str):
        return [float(found)] if re.fullmatch(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?", found) else []
    if kind == "string" and isinstance(found, int | float):
        text = str(found).lower() if isinstance(found, bool) else str(found)
        return [text] if re.search(schema.get("pattern", ""), text) else []
    if kind == "string" and "pattern" in schema:
        fitting = re.sub("[^A-Za-z0-9._-]+", "_", str(found)).strip("._-")
        return [fitting] if re.search(schema["pattern"], fitting) else []
    if kind == "array" and isinstance(found, list):
        once = [value for place, value in enumerate(found) if value not in found[:place]]
        return [once] if len(once) < len(found) else []
    if kind == "array" and found is not None and not isinstance(found, list | dict):
        return [[found]]
    return []


def _of_mapping(key: str | int, found: Any) -> str:
    """Return the correction of a mapping written as a list of settings or without a space after a colon."""
    joined = JOINED.fullmatch(found) if isinstance(found, str) else None
    if joined:
        return f"add a space after the colon: {joined[1]}: {joined[2]}"
    if isinstance(found, list) and found and all(isinstance(part, dict) for part in found):
        return f"set {in_yaml({key: {name: value for part in found for name, value in part.items()}})}"
    return ""
