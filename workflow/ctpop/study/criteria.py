"""Criteria as data: a name, a sentence for the flow diagram, and one rule over a column of the registry.

This module imports only the standard library, because the Snakefile calls it whenever it is parsed.
"""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ctpop.foundation.errors import ContractError

RULES: dict[str, Callable[[Any], str]] = {  # what each rule asks for, in words
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
    """A condition that a scan must be known to meet.

    Attributes
    ----------
    name : str
        Name of the criterion in the tables.
    sentence : str
        Sentence of the flow diagram about the scans that do not meet the criterion.
    column : str
        Column of the registry that the rule reads; the column of the patients for one scan per patient.
    rule : str
        Name of the rule (out of `RULES`).
    limit : Any
        Value that the rule requires: a truth value, number, text, list of these, or pair of numbers.
    by : str
        Column that orders the scans of a patient, for one scan per patient; else empty.

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
        asked = RULES[self.rule](self.limit)
        return f"{asked} by {self.by}" if self.by else asked

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns that the criterion reads.

        Returns
        -------
        tuple of str
            `column`, and `by` if there is one.

        Examples
        --------
        >>> Criterion("single", "Later scan", "patient_id", "one_per_patient", "first", "age_years").needs
        ('patient_id', 'age_years')

        """
        return (self.column, self.by) if self.by else (self.column,)


def read(entries: Iterable[str | dict[str, Any]]) -> list[Criterion]:
    """Return criteria from their short forms, or from data.

    Parameters
    ----------
    entries : iterable of str or dict
        Short forms (out of `SHORT_FORMS`), or mappings with `name`, `sentence`, `column` and one rule.

    Returns
    -------
    list of Criterion
        Criteria in the order of the entries.

    Raises
    ------
    ContractError
        If a short form is not known, an entry has no rule or several, `column` or `by` do not fit the rule, two entries
        have the same name, a range ends before it begins, or several entries ask for one scan per patient.

    Examples
    --------
    >>> adult = {"name": "adult", "sentence": "Younger than 18 years", "column": "age_years", "at_least": 18}
    >>> [criterion.words for criterion in read(["age_known", adult])]
    ['known', 'at least 18']

    """
    found = [_criterion(entry) for entry in entries]
    names = [criterion.name for criterion in found]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ContractError(f"cohort.criteria: each has a name of its own, found several {', '.join(repeated)}")
    if sum(criterion.rule == "one_per_patient" for criterion in found) > 1:
        raise ContractError("cohort.criteria: only one of them can ask for one_per_patient")
    return found


def word_of(value: Any) -> str:
    """Return a value of a configuration as a registry writes it.

    Parameters
    ----------
    value : Any
        Truth value, number or text.

    Returns
    -------
    str
        The value as text; truth values in lower case.

    Examples
    --------
    >>> word_of(True), word_of(18), word_of("female")
    ('true', '18', 'female')

    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _criterion(entry: str | dict[str, Any]) -> Criterion:
    if isinstance(entry, str):
        return _criterion({"name": entry, **_short_form(entry)})
    name, rules = entry.get("name", ""), [rule for rule in RULES if rule in entry]
    if len(rules) != 1:
        raise ContractError(f"cohort.criteria: {name} needs one rule out of {', '.join(RULES)}, found {len(rules)}")
    [rule] = rules
    if rule == "one_per_patient":
        return Criterion(name, entry["sentence"], PATIENT, rule, entry[rule], entry.get("by", "age_years"))
    if "column" not in entry or "by" in entry:
        raise ContractError(f"cohort.criteria: {name} needs a column, and no `by`: that belongs to one_per_patient")
    if rule == "between" and entry[rule][0] > entry[rule][1]:
        raise ContractError(f"cohort.criteria: {name} has the range {entry[rule]}: turn it round")
    return Criterion(name, entry["sentence"], entry["column"], rule, entry[rule])


def _short_form(name: str) -> dict[str, Any]:
    if name in SHORT_FORMS:
        return SHORT_FORMS[name]
    close = difflib.get_close_matches(name, SHORT_FORMS, n=1)
    hint = f"did you mean {close[0]}?" if close else "any other criterion has name, sentence, column and a rule"
    raise ContractError(f"cohort.criteria: {name!r} is none of {', '.join(SHORT_FORMS)}; {hint}")
