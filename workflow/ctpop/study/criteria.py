"""Criteria as data: a name, a sentence for the flow diagram, and one rule over a column of the registry.

Only the standard library is imported here, since the Snakefile calls it whenever it is parsed.
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
    """A condition that a scan must be known to meet; the sentence is about those who do not.

    `limit` is what the rule asks for. For one scan per patient `column` is that of the patients, and `by` the column
    that decides which scan is the first.
    """

    name: str
    sentence: str
    column: str
    rule: str
    limit: Any
    by: str = ""

    @property
    def words(self) -> str:
        """What the criterion asks for."""
        asked = RULES[self.rule](self.limit)
        return f"{asked} by {self.by}" if self.by else asked

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns that the criterion reads."""
        return (self.column, self.by) if self.by else (self.column,)


def read(entries: Iterable[str | dict[str, Any]]) -> list[Criterion]:
    """Return criteria from their short forms, or from data.

    Raises
    ------
    ContractError
        If a short form is not known, an entry has no rule or several, two have one name, a range ends before it
        begins, or more than one asks for one scan per patient.

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
    """Return a value of a configuration as it stands in a registry."""
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
