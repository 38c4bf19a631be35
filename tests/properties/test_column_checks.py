"""A table is accepted without pandera exactly where pandera accepts it, and has the same values and data types."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ctpop.contracts import column_checks
from ctpop.contracts.columns import Column
from support.laws import law

NUMBERS = st.sampled_from([None, -1, 0, 1, 2, 2.5, 7, float("inf"), "x", True])
TEXTS = st.sampled_from([None, "", "a", "ab", "b", "a ", "é", 3])
TRUTHS = st.sampled_from([None, True, False, 1, "true"])
LIMITS = st.sampled_from([None, 0, 2])


def column_of(dtype, values, **limits):
    missing = st.sampled_from(["", "not known"])
    columns = st.builds(Column, st.just(dtype), st.just("made up"), missing=missing, **limits)
    return st.tuples(columns, st.lists(values, max_size=5))


CASES = st.one_of(
    *(column_of(dtype, NUMBERS, low=LIMITS, high=LIMITS) for dtype in ("float64", "int64", "Int64", "int16")),
    column_of("str", TEXTS, allowed=st.sampled_from([(), ("a", "b")]), pattern=st.sampled_from(["", "[ab]+", "a|ab"])),
    *(column_of(dtype, TRUTHS) for dtype in ("bool", "boolean")),
)


@law(150)
@given(CASES, st.booleans())
def test_both_methods_of_checking_a_column_agree(case, as_objects):
    column, values = case
    frame = pd.DataFrame({"value": pd.Series(values, dtype="object" if as_objects or not values else None)})
    columns = {"value": column}
    kind = column_checks.broken_kind(frame["value"], column)

    found, failures = column_checks.checked(frame, columns)
    expected, expected_failures = column_checks._checked_by_pandera(frame, columns, {"value": kind} if kind else {})

    assert failures == expected_failures
    if not failures:
        pd.testing.assert_frame_equal(found, expected)


def test_a_table_without_a_failure_is_accepted_without_pandera(monkeypatch):
    monkeypatch.setattr(column_checks, "_checked_by_pandera", None)
    frame = pd.DataFrame({"age": [40.0, None], "sex": ["male", "female"]})
    columns = {
        "age": Column("float64", "age", missing="not known", low=0),
        "sex": Column("str", "sex", allowed=("male", "female")),
    }

    found, failures = column_checks.checked(frame, columns)

    assert failures == []
    assert found.equals(frame)
