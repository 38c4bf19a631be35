"""Rule sets of segmentation screening: the rules, their limits, and the measures that each rule excludes."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ctpop.foundation import strict_yaml
from ctpop.foundation.alternatives import alternative
from ctpop.foundation.errors import ContractError
from ctpop.foundation.json_schema import problems_of, read_schema
from ctpop.foundation.resources import resource
from ctpop.study import configuration, configuration_file

SHIPPED = resource("screening")
SCHEMA_PATH = resource("schemas", "rule_set.schema.yaml")


@dataclass(frozen=True)
class ScreeningRule:
    """A screening rule: the measures that it excludes, the structures to which it does not apply, and its limits.

    Attributes
    ----------
    drops : tuple of str
        Measures that the rule excludes, such as `volume_ml` and `hu_mean`.
    not_for : tuple of str
        Structures to which the rule does not apply.
    limits : dict of str to float
        Limits of the rule by name, each in the unit given in `schemas/rule_set.schema.yaml`.

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
    """The rules of a set by their reason for exclusion.

    Attributes
    ----------
    name : str
        Name of the rule set.
    rules : dict of str to ScreeningRule
        Rule by reason (one of `schema.RULES`).
    path : Path, optional
        File of the rule set, for messages.

    Examples
    --------
    >>> sorted(read("standard").rules)
    ['above_bound', 'below_bound', 'laterality', 'padding', 'truncated', 'unequal_sides']

    """

    name: str
    rules: dict[str, ScreeningRule]
    path: Path | None = field(default=None, repr=False, compare=False)

    def with_truncated_hu(self, use: bool | None) -> "RuleSet":
        """Return a rule set in which the attenuation (HU) of truncated structures is used or excluded.

        A rule set without a rule for truncation remains unchanged.

        Parameters
        ----------
        use : bool or None
            Whether the attenuation of truncated structures is used; None leaves the rule set unchanged.

        Returns
        -------
        RuleSet
            Rule set with `hu_mean` removed from, or added to, the measures that the rule `truncated` excludes.

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
    """Return the file of a built-in rule set or of a user's rule set.

    Parameters
    ----------
    name_or_path : str
        Name of a built-in rule set (`none`, `paper`, `standard`, `strict`) or path of a YAML file.

    Returns
    -------
    Path
        Path of the existing file.

    Raises
    ------
    ContractError
        If the argument is neither the name of a built-in rule set nor the path of an existing file.

    Examples
    --------
    >>> existing_file("standard").name
    'standard.yaml'

    """
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.yaml"))}
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise ContractError(
            f"screen.rules: {name_or_path!r} is neither a built-in rule set ({', '.join(shipped)}) nor the path of a"
            f" YAML file{alternative('screen.rules', name_or_path, shipped) or '; correct the name or the path'}"
        )
    return path


def read(name_or_path: str) -> RuleSet:
    """Return a rule set.

    Parameters
    ----------
    name_or_path : str
        Name of a built-in rule set (`none`, `paper`, `standard`, `strict`) or path of a YAML file.

    Returns
    -------
    RuleSet
        Rule set, named after the file without its suffix.

    Raises
    ------
    ContractError
        If the file does not exist, is not YAML, or violates its schema; the message contains one line per error.

    Examples
    --------
    >>> read("none")
    RuleSet(name='none', rules={})

    """
    path = existing_file(name_or_path)
    content = strict_yaml.content_of(path, "a rule set")
    if content is None:
        raise ContractError(
            f"{path}: line 1: the rule set is empty; add rules, for example"
            " rules: {below_bound: {drops: [volume_ml, hu_mean]}}"
        )
    problems = sorted(set(problems_of(_schema(), content)))
    if problems:
        lines = configuration_file.with_places(problems, path)
        raise ContractError(f"{path}: the rule set contains errors:\n" + "\n".join(f"  {line}" for line in lines))
    return RuleSet(path.stem, {name: _rule(**rule) for name, rule in content["rules"].items()}, path)


def refuse_unknown_structures(rules: RuleSet, names: Iterable[str]) -> None:
    """Reject exceptions for structures that are neither in the label set of the study nor in a built-in label set.

    Parameters
    ----------
    rules : RuleSet
        Rule set whose `not_for` is checked.
    names : iterable of str
        Structures in the label set of the study.

    Raises
    ------
    ContractError
        If `not_for` contains an unknown structure; the message contains this structure and a known structure with a
        similar name.

    Examples
    --------
    >>> rules = RuleSet("a", {"truncated": ScreeningRule(("volume_ml",), ("spleeen",), {})})
    >>> refuse_unknown_structures(rules, ["spleen"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: rule set a: ... no label set contains spleeen; did you mean 'spleen'? ...

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
            hint = f"did you mean {close[0]!r}? Replace {unknown[0]} with {close[0]}" if close else "correct the names"
            problem = f"rules.{name}.not_for: no label set contains {', '.join(unknown)}; {hint}"
            [placed] = configuration_file.with_places([problem], rules.path) if rules.path else [problem]
            raise ContractError(placed if rules.path else f"rule set {rules.name}: {placed}")


def _rule(drops: list[str], not_for: list[str] | None = None, **limits: float) -> ScreeningRule:
    return ScreeningRule(tuple(drops), tuple(not_for or ()), limits)


@cache
def _schema() -> dict[str, Any]:
    return read_schema(SCHEMA_PATH)
