"""Inclusion criteria, each with a name, a sentence for the flow diagram, and a rule about a column of the registry.

This module imports no large library because it runs each time Snakemake parses the Snakefile.
"""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ctpop.foundation.corrections import in_yaml
from ctpop.foundation.errors import ContractError

RULES: dict[str, Callable[[Any], str]] = {  # description of the requirement of each rule
    "known": lambda _: "known",
    "equals": lambda value: word_of(value),
    "in": lambda values: f"one of {', '.join(map(word_of, values))}",
    "between": lambda ends: f"{word_of(ends[0])} to {word_of(ends[1])}",
    "at_least": lambda low: f"at least {word_of(low)}",
    "one_per_patient": lambda which: f"{which} scan of the patient",
}
SHORT_FORMS: dict[str, dict[str, Any]] = {
    "age_known": {"sentence": "Age not known", "column": "age_years", "known": True},
    "complete": {"sentence": "Images incomplete", "column": "complete", "equals": True},
    "contrast_enhanced": {"sentence": "No contrast agent given", "column": "contrast", "equals": True},
}
PATIENT = "patient_id"


@dataclass(frozen=True)
class Criterion:
    """A condition for the inclusion of a scan. A scan with a missing value does not meet the condition.

    Attributes
    ----------
    name : str
        Name of the criterion in the tables.
    sentence : str
        Sentence in the flow diagram for the scans that do not meet the criterion.
    column : str
        Column of the registry that the rule reads; for `one_per_patient`, the column that identifies patients.
    rule : str
        Name of the rule (a key of `RULES`).
    limit : Any
        Value that the rule requires: a Boolean value, number, text, list of these, or pair of numbers.
    by : str
        Column that orders the scans of a patient, for `one_per_patient`; otherwise empty.

    Examples
    --------
    >>> adult = Criterion("adult", "Younger than 18 years", "age_years", "at_least", 18)
    >>> adult.words, adult.needs
    ('at least 18', ('age_years',))

    """

    name: str
    sentence: str
    column: str
    rule: str
    limit: Any
    by: str = ""

    @property
    def words(self) -> str:
        """Requirement of the criterion in words.

        Returns
        -------
        str
            Words for the table `exclusions`, such as `18 to 90`.

        Examples
        --------
        >>> Criterion("adult", "Not 18 to 90 years old", "age_years", "between", [18, 90]).words
        '18 to 90'

        """
        requirement = RULES[self.rule](self.limit)
        return f"{requirement} by {self.by}" if self.by else requirement

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns that the criterion reads.

        Returns
        -------
        tuple of str
            `column`, followed by `by` if it is set.

        Examples
        --------
        >>> Criterion("single", "Later scan", "patient_id", "one_per_patient", "first", "age_years").needs
        ('patient_id', 'age_years')

        """
        return (self.column, self.by) if self.by else (self.column,)


def read(entries: Iterable[str | dict[str, Any]]) -> list[Criterion]:
    """Return criteria from short forms or mappings.

    Parameters
    ----------
    entries : iterable of str or dict
        Short forms (keys of `SHORT_FORMS`), or mappings with `name`, `sentence`, `column`, and one rule.

    Returns
    -------
    list of Criterion
        Criteria in the order of the entries.

    Raises
    ------
    ContractError
        If a short form is unknown, an entry contains no rule or several rules, `column` or `by` does not fit the rule,
        two entries have the same name, the lower limit of a range exceeds the upper limit, or several entries use
        `one_per_patient`.

    Examples
    --------
    >>> adult = {"name": "adult", "sentence": "Younger than 18 years", "column": "age_years", "at_least": 18}
    >>> [criterion.words for criterion in read(["age_known", adult])]
    ['known', 'at least 18']

    """
    found = [_criterion(entry, f"cohort.criteria.{number}") for number, entry in enumerate(entries)]
    names = [criterion.name for criterion in found]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        last = max(number for number, name in enumerate(names) if name == repeated[0])
        raise ContractError(
            f"cohort.criteria.{last}: each criterion requires a unique name, found more than once:"
            f" {', '.join(repeated)}; rename or remove the repeated criteria"
        )
    if sum(criterion.rule == "one_per_patient" for criterion in found) > 1:
        last = max(number for number, criterion in enumerate(found) if criterion.rule == "one_per_patient")
        raise ContractError(
            f"cohort.criteria.{last}: only one criterion can use the rule one_per_patient; remove the other criteria"
            " with this rule"
        )
    return found


def word_of(value: Any) -> str:
    """Return a value of a study file as text in the form used in a registry.

    Parameters
    ----------
    value : Any
        Boolean value, number, or text.

    Returns
    -------
    str
        The value as text; Boolean values in lower case.

    Examples
    --------
    >>> word_of(True), word_of(18), word_of("female")
    ('true', '18', 'female')

    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _criterion(entry: str | dict[str, Any], place: str) -> Criterion:
    if isinstance(entry, str):
        return _criterion({"name": entry, **_short_form(entry, place)}, place)
    name, rules = entry.get("name", ""), [rule for rule in RULES if rule in entry]
    if len(rules) != 1:
        raise ContractError(
            f"{place}: criterion {name} requires exactly one of the rules {', '.join(RULES)}; rules found:"
            f" {', '.join(rules) or 'none'}; use one rule, for example"
            f" {in_yaml({**_without(entry, rules), 'known': True})}"
        )
    [rule] = rules
    if rule == "one_per_patient":
        return Criterion(name, entry["sentence"], PATIENT, rule, entry[rule], entry.get("by", "age_years"))
    if "column" not in entry or "by" in entry:
        raise ContractError(
            f"{place}: criterion {name} requires the key `column` and must not contain the key `by`, which is used"
            f" only with one_per_patient; use, for example,"
            f" {in_yaml({'column': 'age_years', **_without(entry, ['by'])})}"
        )
    if rule == "between" and entry[rule][0] > entry[rule][1]:
        low, high = entry[rule]
        raise ContractError(
            f"{place}.between: criterion {name}: lower limit {low} exceeds upper limit {high}; swap the limits:"
            f" between: [{high}, {low}]"
        )
    return Criterion(name, entry["sentence"], entry["column"], rule, entry[rule])


def _without(entry: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in keys}


def _short_form(name: str, place: str) -> dict[str, Any]:
    if name in SHORT_FORMS:
        return SHORT_FORMS[name]
    close = difflib.get_close_matches(name, SHORT_FORMS, n=1)
    hint = (
        f"did you mean {close[0]}? Replace {name} with {close[0]}"
        if close
        else "define other criteria with name, sentence, column, and a rule"
    )
    raise ContractError(f"{place}: {name!r} is not one of {', '.join(SHORT_FORMS)}; {hint}")
