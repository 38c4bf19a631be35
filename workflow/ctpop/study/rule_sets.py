"""Rule sets: which rules are applied, with which limits, and which measures each takes away."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ctpop.foundation.errors import ContractError
from ctpop.foundation.json_schema import problems_of, read_schema
from ctpop.foundation.resources import resource
from ctpop.study import configuration

SHIPPED = resource("screening")
SCHEMA_PATH = resource("schemas", "rule_set.schema.yaml")


@dataclass(frozen=True)
class ScreeningRule:
    """A rule: measures that it takes away, structures that it is not for, and its limits by name."""

    drops: tuple[str, ...]
    not_for: tuple[str, ...]
    limits: dict[str, float]


@dataclass(frozen=True)
class RuleSet:
    """The rules of a set, by the reason that each gives (out of `schema.RULES`)."""

    name: str
    rules: dict[str, ScreeningRule]

    def with_truncated_hu(self, use: bool | None) -> "RuleSet":
        """Return the set with the attenuation of truncated structures used or not, or as it is where nothing is said.

        A set that does not look at truncation stays as it is.
        """
        rule = self.rules.get("truncated")
        if use is None or rule is None:
            return self
        others = tuple(measure for measure in rule.drops if measure != "hu_mean")
        changed = replace(rule, drops=others if use else (*others, "hu_mean"))
        return replace(self, rules={**self.rules, "truncated": changed})


def existing_file(name_or_path: str) -> Path:
    """Return the file of a shipped rule set (`none`, `paper`, `standard`, `strict`) or of a user's own YAML.

    Raises
    ------
    ContractError
        If there is no such file.

    """
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.yaml"))}
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise ContractError(
            f"screen.rules: {name_or_path!r} is neither a shipped rule set ({', '.join(shipped)}) nor a YAML file"
        )
    return path


def read(name_or_path: str) -> RuleSet:
    """Return a rule set.

    Raises
    ------
    ContractError
        If there is no such file, or it is not YAML or breaks its schema, with one line per entry.

    """
    path = existing_file(name_or_path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise ContractError(f"{path}: is not YAML ({' '.join(str(error).split())[:200]})") from None
    problems = sorted(set(problems_of(_schema(), content)))
    if problems:
        raise ContractError(f"{path}: the rule set has errors:\n" + "\n".join(f"  {line}" for line in problems))
    return RuleSet(path.stem, {name: _rule(**rule) for name, rule in content["rules"].items()})


def refuse_unknown_structures(rules: RuleSet, names: Iterable[str]) -> None:
    """Refuse exceptions for structures that neither the study's label set nor a shipped one has.

    Raises
    ------
    ContractError
        With the names, and one that is close.

    """
    shipped = {
        row["structure"]
        for file in configuration.LABEL_SETS.glob("*.csv")
        for row in configuration.label_rows(str(file))
    }
    known = sorted(shipped | set(names))
    for name, rule in rules.rules.items():
        unknown = [structure for structure in rule.not_for if structure not in known]
        if unknown:
            close = difflib.get_close_matches(unknown[0], known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ContractError(
                f"rule set {rules.name}: rules.{name}.not_for: no label set has a structure {', '.join(unknown)}{hint}"
            )


def _rule(drops: list[str], not_for: list[str] | None = None, **limits: float) -> ScreeningRule:
    return ScreeningRule(tuple(drops), tuple(not_for or ()), limits)


@cache
def _schema() -> dict[str, Any]:
    return read_schema(SCHEMA_PATH)
