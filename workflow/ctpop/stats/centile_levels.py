"""Technical covariates of centile curves, such as contrast phase or scanner, as sum-to-zero indicators of levels."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FEWEST_PATIENTS = 50  # ASSUME: patients of a level with an effect of its own

Group = tuple[str | None, ...]


@dataclass(frozen=True)
class LevelEffects:
    """Levels of each covariate, in groups that share an effect.

    Attributes
    ----------
    groups : dict of str to tuple
        Groups of levels of each covariate; a missing value is a level. Levels in no group have no effect and
        are treated as the mean of the groups.

    Examples
    --------
    >>> levels = LevelEffects({"kvp": (("100",), ("120",), ("80", None))})
    >>> effects, known = levels.indicators({"kvp": np.array(["100", "120", None, "140"], dtype=object)})
    >>> effects.tolist(), known.tolist()
    ([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0], [0.0, 0.0]], [True, True, True, False])

    """

    groups: Mapping[str, tuple[Group, ...]]

    @property
    def n_effects(self) -> int:
        """Number of columns of the indicators.

        Returns
        -------
        int
            Number of groups minus 1, summed over the covariates.

        """
        return sum(len(groups) - 1 for groups in self.groups.values())

    def indicators(self, columns: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the sum-to-zero indicators of each scan, and whether all its levels are known.

        Parameters
        ----------
        columns : mapping of str to np.ndarray
            Level of each scan (text or None) by covariate, each of shape `(n,)`.

        Returns
        -------
        effects : np.ndarray
            Indicators, shape `(n, q)`.
        known : np.ndarray of bool
            Whether the levels of all covariates are in a group, shape `(n,)`.

        Raises
        ------
        KeyError
            If a covariate is missing in `columns`.

        """
        parts, n = [], len(next(iter(columns.values()))) if columns else 0
        known = np.ones(n, dtype=bool)
        for name, groups in self.groups.items():
            place = {level: number for number, group in enumerate(groups) for level in group}
            number = np.array([place.get(level, -1) for level in columns[name]], dtype=int)
            last = len(groups) - 1
            parts.append((number[:, np.newaxis] == np.arange(last)) - 1.0 * (number[:, np.newaxis] == last))
            known &= number >= 0
        return (np.hstack(parts) if parts else np.empty((n, 0))), known

    def to_json(self) -> str:
        """Return the groups as JSON text.

        Returns
        -------
        str
            JSON object with the groups of each covariate.

        """
        return json.dumps({name: [list(group) for group in groups] for name, groups in self.groups.items()})


def levels_of_json(text: str) -> LevelEffects:
    """Return the levels from JSON text.

    Parameters
    ----------
    text : str
        Text from `LevelEffects.to_json`.

    Returns
    -------
    LevelEffects
        Groups of levels.

    Raises
    ------
    ValueError
        If the text is not JSON.

    Examples
    --------
    >>> levels_of_json(LevelEffects({"kvp": (("100",), ("120", None))}).to_json()).groups
    {'kvp': (('100',), ('120', None))}

    """
    return LevelEffects({name: tuple(map(tuple, groups)) for name, groups in json.loads(text).items()})


def levels_of(columns: Mapping[str, np.ndarray], patients: np.ndarray, curve: np.ndarray) -> LevelEffects:
    """Return the levels with effects: those with at least 50 patients, and the pooled others if they have as many.

    A covariate with fewer than two groups, or with columns that depend linearly on the age curve and on the covariates
    before it, has no effect.

    Parameters
    ----------
    columns : mapping of str to np.ndarray
        Level of each scan (text or None) by covariate, each of shape `(n,)`.
    patients : np.ndarray
        Number of the patient of each scan, shape `(n,)`.
    curve : np.ndarray
        Columns of the age curve, shape `(n, k)`.

    Returns
    -------
    LevelEffects
        Groups of levels; levels in alphabetical order, followed by the pooled levels.

    Examples
    --------
    >>> kvp = np.array(["100"] * 60 + ["120"] * 60 + ["80"] * 5, dtype=object)
    >>> levels_of({"kvp": kvp}, np.arange(125), np.ones((125, 1))).groups
    {'kvp': (('100',), ('120',))}

    """
    found: dict[str, tuple[Group, ...]] = {}
    for name, column in columns.items():
        groups = _groups(column, patients)
        if len(groups) < 2:
            continue
        trial = LevelEffects({**found, name: groups})
        design = np.hstack([curve, trial.indicators(columns)[0]])
        if np.linalg.matrix_rank(design) == design.shape[1]:
            found[name] = groups
    return LevelEffects(found)


def _groups(column: np.ndarray, patients: np.ndarray) -> tuple[Group, ...]:
    levels = sorted({level for level in column if level is not None})
    own = [level for level in levels if _patients_of(column, [level], patients) >= FEWEST_PATIENTS]
    pooled: list[str | None] = [level for level in levels if level not in own]
    if any(level is None for level in column):
        pooled.append(None)
    rest = [tuple(pooled)] if pooled and _patients_of(column, pooled, patients) >= FEWEST_PATIENTS else []
    return (*((level,) for level in own), *rest)


def _patients_of(column: np.ndarray, levels: list[str | None] | list[str], patients: np.ndarray) -> int:
    wanted = set(levels)
    return len(np.unique(patients[[level in wanted for level in column]]))
