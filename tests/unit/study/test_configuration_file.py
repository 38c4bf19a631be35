"""A study file is read strictly, and every error message contains the line and the remedy."""

from pathlib import Path

import pytest

from ctpop.foundation.errors import ContractError
from ctpop.study import configuration, configuration_file

GOOD = "study:\n  name: x\n  start_from: measures\n  measures: m.csv\nstructures: demo\n"
BAD = {
    "a tab": (b"study:\n\tname: x\n", "line 2: invalid YAML: the line begins with a tab; indent the line with"),
    "a wrong indentation": (
        b"study:\n  name: x\n   start_from: images\n",
        "line 3, column 14: invalid YAML:",
    ),
    "a section too far to the left": (b"study:\n    name: x\n  banner: y\n", "line 3, column 3: invalid YAML"),
    "an open bracket": (b"study: {name: x\n", "line 1, column 8: invalid YAML"),
    "no colon": (b"study:\n  name: x\n  banner\n  author: y\n", "line 3, column 3: invalid YAML"),
    "a duplicate key": (
        GOOD.encode() + b"structures: total_117\n",
        "line 6: the key 'structures' already occurs in line 5; remove one",
    ),
    "a nested duplicate key": (b"study:\n  name: x\n  name: y\n", "line 3: the key 'name' already occurs in line 2"),
    "a duplicate key in a list": (b"a:\n- b: 1\n  b: 2\n", "line 3: the key 'b' already occurs in line 2"),
    "a duplicate key in brackets": (b"a: {b: 1, c: 2, b: 3}\n", "line 1: the key 'b' already occurs in line 1"),
    "an empty file": (b"", "line 1: the study file is empty; add study: {name: my_study"),
    "only comments": (b"# a study\n", "the study file is empty"),
    "a list": (b"- a\n- b\n", "line 1: sections such as 'study:' are expected at the top level, found a list"),
    "a word": (b"study\n", "line 1: sections such as 'study:' are expected at the top level, found a single value"),
    "Windows-1252": (
        b"study:\n  banner: M\xfcnchen\n",
        "line 2: the file is not encoded in UTF-8 (found the byte 0xfc); save",
    ),
    "an unknown tag": (b"study: !!python/object:os.system {}\n", "invalid YAML: "),
    "two documents": (b"study: {}\n---\nstudy: {}\n", "invalid YAML: "),
    "an impossible date": (b"study: {name: 2024-13-45}\n", "invalid YAML: "),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_without_a_configuration_is_rejected_with_the_line(tmp_path, kind):
    content, expected = BAD[kind]
    path = tmp_path / "study.yaml"
    path.write_bytes(content)

    with pytest.raises(ContractError) as refused:
        configuration_file.read(path)

    assert str(refused.value).startswith(f"{path}: ")
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_rejected_with_its_path():
    with pytest.raises(ContractError, match=r"absent.yaml: the study file cannot be read \(No such"):
        configuration_file.read(Path("absent.yaml"))


def test_a_valid_file_is_read_with_or_without_a_byte_order_mark(tmp_path):
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "study.yaml").write_text(GOOD, encoding=encoding)

        assert configuration_file.read(tmp_path / "study.yaml")["structures"] == "demo"


def test_a_recursive_alias_does_not_cause_an_endless_loop(tmp_path):
    (tmp_path / "study.yaml").write_text("a: &a\n  b: *a\n")

    assert set(configuration_file.places_of([tmp_path / "study.yaml"])) == {"", "a", "a.b"}


def test_a_merged_mapping_is_not_a_duplicate_key(tmp_path):
    (tmp_path / "study.yaml").write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\n")

    assert configuration_file.read(tmp_path / "study.yaml")["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("aging:\n  confidnce: 0.9\n", "study.yaml, line 7: aging.confidnce: unknown key; did you mean 'confidence'?"),
        ("aging: [1, 2]\n", "study.yaml, line 6: aging: [1, 2] is not of type 'object'"),
        ("cohort:\n  criteria:\n  - age_known\n  - nme: x\n", "study.yaml, line 9: cohort.criteria.1.nme: unknown key"),
        ("segment:\n  model: '{a}'\n", "study.yaml, line 7: segment.model: '{a}' contains braces"),
    ],
)
def test_an_error_of_a_setting_contains_the_file_and_line(tmp_path, added, expected):
    path = tmp_path / "study.yaml"
    path.write_text(GOOD + added)

    with pytest.raises(ContractError) as refused:
        configuration.validated(configuration_file.read(path), configuration_file.places_of([path]))

    assert f"  {expected}" in str(refused.value)


def test_the_error_for_a_missing_setting_contains_the_line_of_its_section(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("structures: demo\nstudy:\n  registry: r.csv\n")

    with pytest.raises(ContractError, match=r"study.yaml, line 2: study.name: missing key"):
        configuration.validated(configuration_file.read(path), configuration_file.places_of([path]))


PATHS = {
    "study.registry": {"study": {"registry": "a{b}.csv"}},
    "study.measures": {"study": {"measures": "a{b}.csv"}},
    "study.truth": {"study": {"truth": "a{b}.csv"}},
    "study.dicom": {"study": {"dicom": "a{b}"}},
    "study.private": {"study": {"private": "a{b}"}},
    "structures": {"structures": "a{b}.csv"},
    "segment.model": {"segment": {"model": "a{b}"}},
    "segment.weights": {"segment": {"weights": "a{b}"}},
    "screen.review": {"screen": {"review": "a{b}.csv"}},
    "screen.rules": {"screen": {"rules": "a{b}.yaml"}},
    "evaluate.reference": {"evaluate": {"reference": "a{b}.csv"}},
    "evaluate.compare_with": {"evaluate": {"reference": "a.csv", "compare_with": {"other": "a{b}"}}},
}


def path_settings(schema, place=""):
    """Yield the names of the settings whose schema descriptions mention a file or folder."""
    for name, part in schema.get("properties", {}).items():
        here = f"{place}.{name}" if place else name
        yield from path_settings(part, here)
        words = str(part.get("description", "")).split(" ")
        if {"CSV", "CSV,", "Folder", "Table", "folder"} & set(words) and part.get("type") in ("string", "object"):
            yield here


def test_every_setting_with_a_path_is_tested():
    found = set(path_settings(configuration.load_schema()))

    assert len(found) > 8
    assert found - set(PATHS) == {"dicom"}  # a section


@pytest.mark.parametrize("place", PATHS)
def test_braces_in_any_path_are_rejected(place):
    config = {"study": {"name": "x", "start_from": "segmentations", "registry": "r.csv"}, "structures": "demo"}
    for section, values in PATHS[place].items():
        config[section] = {**config.get(section, {}), **values} if isinstance(values, dict) else values

    with pytest.raises(ContractError, match=rf"{place}: 'a\{{b\}}[.a-z]*' contains braces"):
        configuration.validated(config)


def test_the_sections_are_those_of_the_schema():
    assert set(configuration_file.SECTIONS) == set(configuration.load_schema()["properties"])
