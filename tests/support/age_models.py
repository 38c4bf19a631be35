"""Rows of the table `age_models`, fitted with a short least-squares function that is independent of the stages."""

import numpy as np
import pandas as pd

from ctpop.contracts.effects import AGE_MODELS
from ctpop.stats.splines import natural_basis

KNOTS = (25.0, 45.0, 65.0, 85.0)
LINE = (25.0, 85.0)


def fitted(columns, values):
    """Return the coefficients, their HC3 covariance matrix, and the residual SD of a linear model."""
    inverse = np.linalg.inv(columns.T @ columns)
    coefficients = inverse @ columns.T @ values
    residuals = values - columns @ coefficients
    leverage = ((columns @ inverse) * columns).sum(axis=1)
    scores = columns * (residuals / (1 - leverage))[:, np.newaxis]
    spread = np.sqrt(residuals @ residuals / (len(values) - columns.shape[1]))
    return coefficients, inverse @ scores.T @ scores @ inverse, spread


def model_row(values, ages, sex=None, **options):
    """Return the row of a curve for each sex, or of one curve without sexes; volumes are fitted on the log scale."""
    values, ages = np.asarray(values, dtype=float), np.asarray(ages, dtype=float)
    name = {"structure": "liver", "measure": "hu_mean", "adjusted_for": "none", "form": "spline"}
    name |= {key: options[key] for key in name if key in options}
    knots = np.array(options.get("knots", KNOTS))
    sexes = sorted(set(sex)) if sex is not None else ["all"]
    of_sex = [np.ones(len(ages), dtype=bool) if sex is None else np.asarray(sex) == each for each in sexes]
    basis = natural_basis(ages, knots)
    columns = np.hstack([basis * part[:, np.newaxis] for part in of_sex])
    outcome = np.log(values) if name["measure"] == "volume_ml" else values
    coefficients, covariance, spread = fitted(columns, outcome)
    counts = {each: int(part.sum()) for each, part in zip(sexes, of_sex, strict=True)}
    n_female, n_male = counts.get("female", 0), counts.get("male", 0)
    low, high = np.quantile(ages, [0.025, 0.975])
    return {
        **name,
        "sexes": ";".join(sexes),
        "knots": written(knots),
        "coefficients": written(coefficients),
        "covariance": written(covariance[np.triu_indices(len(coefficients))]),
        "residual_sd": float(spread),
        "df": float(len(values) - columns.shape[1]),
        "log10_p_nonlinear": np.nan,
        "unit": "percent per decade" if name["measure"] == "volume_ml" else "HU per decade",
        **{"n": len(values), "n_patients": options.get("n_patients", len(values))},
        **{"n_left_out": 0, "n_patients_left_out": 0},
        **{"n_female": n_female, "n_patients_female": n_female, "n_male": n_male, "n_patients_male": n_male},
        **{"age_low": low, "age_high": high, "age_mean": ages.mean(), "age_sd": ages.std(ddof=1)},
        "reason": "ok",
        "family": options.get("family", "structures"),
    }


def missing_row(reason="too_few", **name):
    """Return a row without a curve."""
    row = dict.fromkeys(AGE_MODELS.columns)
    numbers = dict.fromkeys([name for name in row if name.startswith("n")], 0)
    key = {"structure": "liver", "measure": "hu_mean", "adjusted_for": "none", "form": "spline"}
    texts = {"sexes": "all", "knots": "", "unit": "HU per decade", "family": "structures"}
    return row | numbers | key | texts | {"reason": reason} | name


def table_of(*rows):
    """Return the table `age_models` with these rows."""
    frame = pd.DataFrame(list(rows), columns=list(AGE_MODELS.columns))
    return AGE_MODELS.check(frame.astype(AGE_MODELS.empty().dtypes.to_dict()))


def written(numbers):
    """Return numbers in the format of the table."""
    return ";".join(repr(float(number)) for number in numbers)
