"""Rule sets: the rules that are applied, their limits, and the measures that each rule removes."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ctpop.foundation import strict_yaml
from ctpop.foundation.errors import ContractError
from ctpop.foundation.json_schema import problems_of, read_schema
from ctpop.foundation.resources import resource
from ctpop.study import configuration

SHIPPED = resource("screening")
SCHEMA_PATH = resource("schemas", "rule_set.schema.yaml")


@dataclass(frozen=True)
class ScreeningRule:
    """A screening rule: the measures that it removes, the structures that it does not apply to, and its limits.

    Attributes
    ----------
    drops : tuple of str
        Measures that the rule removes, such as `volume_ml` and `hu_mean`.
    not_for : tuple of str
        Structures that the rule does not apply to.
    limits : dict of str to float
        Limits of the rule by name, each in the unit that `schemas/rule_set.schema.yaml` states.

    Examples
    --------
    >>> ScreeningRule(("volume_ml", "hu_mean"), ("spleen",), {}).not_for
    ('spleen',)

    """

    drops: tuple[str, ...]
    not_for: tuple[str, ...]
    limits: dict[str, float]


@dataclass(frozen=True)
class RuleSet:
    """The rules of a set by the reason that each gives.

    Attributes
    ----------
    name : str
        Name of the rule set.
    rules : dict of str to ScreeningRule
        Rule by reason (out of `schema.RULES`).

    Examples
    --------
    >>> sorted(read("standard").rules)
    ['above_bound', 'below_bound', 'laterality', 'padding', 'truncated', 'unequal_sides']

    """

    name: str
    rules: dict[str, ScreeningRule]

    def with_truncated_hu(self, use: bool | None) -> "RuleSet":
        """Return the set with the attenuation (HU) of truncated structures used or removed.

        A set without a rule on truncation stays unchanged.

        Parameters
        ----------
        use : bool or None
            Whether the attenuation of truncated structures is used; None leaves the set unchanged.

        Returns
        -------
        RuleSet
            Rule set with `hu_mean` removed from, or added to, the measures that the rule `truncated` drops.

        Examples
        --------
        >>> standard = read("standard")
        >>> standard.rules["truncated"].drops
        ('volume_ml', 'hu_mean')
        >>> standard.with_truncated_hu(True).rules["truncated"].drops
        ('volume_ml',)

        """
        rule = self.rules.get("truncated")
        if use is None or rule is None:
            return self
        others = tuple(measure for measure in rule.drops if measure != "hu_mean")
        changed = replace(rule, drops=others if use else (*others, "hu_mean"))
        return replace(self, rules={**self.rules, "truncated": changed})


def existing_file(name_or_path: str) -> Path:
    """Return the file of a shipped rule set, or of a user's own.

    Parameters
    ----------
    name_or_path : str
        Name of a shipped rule set (`none`, `paper`, `standard`, `strict`) or path of a YAML file.

    Returns
    -------
    Path
        Path of the file, which exists.

    Raises
    ------
    ContractError
        If no shipped rule set has this name and no file has this path.

    Examples
    --------
    >>> existing_file("standard").name
    'standard.yaml'

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

    Parameters
    ----------
    name_or_path : str
        Name of a shipped rule set (`none`, `paper`, `standard`, `strict`) or path of a YAML file.

    Returns
    -------
    RuleSet
        Rule set; its name is that of the file without its ending.

    Raises
    ------
    ContractError
        If there is no such file, the file is not YAML, or it violates its schema (one line per entry).

    Examples
    --------
    >>> read("none")
    RuleSet(name='none', rules={})

    """
    path = existing_file(name_or_path)
    content = strict_yaml.content_of(path, "a rule set")
    problems = sorted(set(problems_of(_schema(), content)))
    if problems:
        raise ContractError(f"{path}: the rule set has errors:\n" + "\n".join(f"  {line}" for line in problems))
    return RuleSet(path.stem, {name: _rule(**rule) for name, rule in content["rules"].items()})


def refuse_unknown_structures(rules: RuleSet, names: Iterable[str]) -> None:
    """Refuse exceptions for structures that neither the label set of the study nor a shipped one has.

    Parameters
    ----------
    rules : RuleSet
        Rule set whose `not_for` is checked.
    names : iterable of str
        Structures of the label set of the study.

    Raises
    ------
    ContractError
        If `not_for` contains an unknown structure; the message names it and a similar known one.

    Examples
    --------
    >>> rules = RuleSet("a", {"truncated": ScreeningRule(("volume_ml",), ("spleeen",), {})})
    >>> refuse_unknown_structures(rules, ["spleen"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: rule set a: ... no label set has a structure spleeen; did you mean 'spleen'?

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
