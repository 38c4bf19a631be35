"""Label sets: the structure, side and bounds that each number of a label map stands for."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts import columns
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError
from ctpop.study import label_set_check
from ctpop.study.configuration import LABEL_SETS, contralateral_of, groups_of, label_set_file
from ctpop.study.label_set_check import SIDES
from ctpop.study.user_tables import read_user_table

STRUCTURES = Table(
    "structures",
    ("label",),
    "input (structures): one row per label of a label set; further columns are kept, and two of them have a meaning:"
    " includes (parts of a structure) and upper_bound_ml (largest plausible volume)",
    {
        "label": columns.count("number in the label map; 0 is background", low=1),
        "structure": columns.text("name of the structure", pattern="[A-Za-z0-9_]+"),
        "side": columns.text("side of the patient", among=SIDES, missing="not paired"),
        "group": columns.text("organ system or group it is shown with"),
        "lower_bound_ml": columns.number("smallest believable volume", "ml", low=0, missing="no bound"),
    },
    open=True,
)
UPPER = columns.number("largest plausible volume; the column may be left out", "ml", low=0, missing="no bound")


@dataclass(frozen=True)
class LabelSet:
    """The structures of a study.

    Attributes
    ----------
    name : str
        Name of the label set.
    table : pandas.DataFrame
        One row per label, with the columns of `STRUCTURES`: `label`, `structure`, `side`, `group`, `lower_bound_ml`
        (mL) and any further columns of the file.

    Examples
    --------
    >>> demo = read("demo")
    >>> demo.name, demo.names[:2]
    ('demo', ['spleen', 'kidney_right'])

    """

    name: str
    table: pd.DataFrame

    @property
    def names(self) -> list[str]:
        """Names of the structures in the order of their labels.

        Returns
        -------
        list of str
            Names of the structures.

        Examples
        --------
        >>> read("demo").names[:2]
        ['spleen', 'kidney_right']

        """
        return list(self.table["structure"])

    @property
    def largest_ml(self) -> dict[str, float]:
        """Upper bound of the volume (ml) of each structure that has one.

        Returns
        -------
        dict of str to float
            Largest plausible volume (ml) by the name of the structure.

        Examples
        --------
        >>> read("demo").largest_ml["spleen"]
        2100.0

        """
        if "upper_bound_ml" not in self.table:
            return {}
        known = self.table.dropna(subset="upper_bound_ml")
        return dict(zip(known["structure"], known["upper_bound_ml"].astype("float64"), strict=True))

    @property
    def label_of(self) -> dict[str, int]:
        """Label of each structure.

        Returns
        -------
        dict of str to int
            Number in the label map by the name of the structure.

        Examples
        --------
        >>> read("demo").label_of["spleen"]
        1

        """
        return dict(zip(self.table["structure"], self.table["label"].astype(int), strict=True))

    @property
    def parts(self) -> dict[str, list[str]]:
        """Parts that a structure includes and that other models separate from it.

        The `sacrum` of the paper includes `vertebrae_S1`. The parts come from the column `includes` (names separated by
        blanks), which is optional in a label set.

        Returns
        -------
        dict of str to list of str
            Names of the parts by the name of the structure; structures without parts are left out.

        Examples
        --------
        >>> read("paper_104").parts
        {'sacrum': ['vertebrae_S1']}

        """
        included = self.table.get("includes", pd.Series(index=self.table.index, dtype=str))
        return {
            name: parts.split()
            for name, parts in zip(self.table["structure"], included, strict=True)
            if pd.notna(parts)
        }

    def joins(self, labels: dict[str, int]) -> dict[int, int]:
        """Return the replacements of label numbers after which structures contain all parts that they include.

        A structure that `labels` does not contain receives no part.

        Parameters
        ----------
        labels : dict of str to int
            Number in the label map by the name of the structure.

        Returns
        -------
        dict of int to int
            New number by the old number of each part.

        Examples
        --------
        >>> read("paper_104").joins({"sacrum": 25, "vertebrae_S1": 26})
        {26: 25}

        """
        known = {name: parts for name, parts in self.parts.items() if name in labels}
        return {labels[part]: labels[name] for name, parts in known.items() for part in parts if part in labels}

    @property
    def contralateral(self) -> dict[str, str]:
        """The same structure on the other side, where the label set has both, such as `rib_right_1` for `rib_left_1`.

        Returns
        -------
        dict of str to str
            Name of the structure on the other side by the name of the structure.

        Examples
        --------
        >>> read("demo").contralateral["kidney_left"]
        'kidney_right'

        """
        return contralateral_of(zip(self.table["structure"], self.table["side"], strict=True))

    @property
    def groups(self) -> dict[str, list[str]]:
        """Members of each group of structures that the label set has; groups without any are left out.

        Returns
        -------
        dict of str to list of str
            Names of the structures by the name of the group.

        Examples
        --------
        >>> read("demo").groups["lumbar_vertebrae"]
        ['vertebrae_L1', 'vertebrae_L3']

        """
        return {
            group: [name for name, present in members.items() if present]
            for group, members in groups_of(self.names).items()
        }

    @property
    def group_members(self) -> pd.DataFrame:
        """All members of the groups of structures of which the label set has at least one member.

        Returns
        -------
        pandas.DataFrame
            One row per group and member, with the columns `group`, `structure` and `in_label_set`
            (`schema.GROUP_MEMBERS`).

        Examples
        --------
        >>> members = read("demo").group_members
        >>> members.loc[members["group"] == "lumbar_vertebrae", "in_label_set"].tolist()
        [True, False, True, False, False]

        """
        rows = [
            (group, name, present)
            for group, members in groups_of(self.names).items()
            for name, present in members.items()
        ]
        return pd.DataFrame(rows, columns=["group", "structure", "in_label_set"])

    @property
    def combined(self) -> "LabelSet":
        """The groups of structures as a label set of their own, so that they are shown in the same way as structures.

        Returns
        -------
        LabelSet
            Label set `groups`, without lower bounds.

        Examples
        --------
        >>> read("demo").combined.names[:3]
        ['lungs', 'lung_left', 'lung_right']

        """
        names = list(self.groups)
        sides = [next((side for side in SIDES if side in name.split("_")), None) for name in names]
        table = pd.DataFrame({"label": range(1, len(names) + 1), "structure": names, "side": sides})
        return LabelSet("groups", STRUCTURES.check(table.assign(group="groups of structures", lower_bound_ml=np.nan)))


def read(name_or_path: str) -> LabelSet:
    """Return a label set.

    Parameters
    ----------
    name_or_path : str
        Name of a shipped label set (`paper_104`, `total_117`, `demo`) or path of a CSV file.

    Returns
    -------
    LabelSet
        Label set; its name is that of the file without its ending.

    Raises
    ------
    ContractError
        If the file is missing or cannot be read, it violates `STRUCTURES`, an upper bound is not above its lower bound,
        a label or name repeats, a side contradicts the name of its structure, or a structure includes another one of
        the set.

    Examples
    --------
    >>> len(read("demo").names)
    20

    """
    path = label_set_file(name_or_path)
    if not path.is_file():
        shipped = ", ".join(sorted(file.stem for file in LABEL_SETS.glob("*.csv")))
        raise ContractError(f"structures: {name_or_path!r} is neither a shipped label set ({shipped}) nor a CSV file")
    problems = label_set_check.problems_of(path)
    if problems:
        raise ContractError(problems[0])
    return LabelSet(path.stem, _with_upper_bounds(path))


def _with_upper_bounds(path: Path) -> pd.DataFrame:
    """Return the table of a label set; upper bounds (optional column `upper_bound_ml`) are above the lower ones."""
    table = read_user_table(STRUCTURES, path, {"upper_bound_ml": UPPER})
    if "upper_bound_ml" not in table.columns:
        return table
    wrong = table[table["upper_bound_ml"] <= table["lower_bound_ml"].fillna(0)]
    if len(wrong):
        first = ", ".join(f"{row.structure} ({row.upper_bound_ml:g} ml)" for row in wrong.head(3).itertuples())
        raise ContractError(
            f"{path}: column 'upper_bound_ml' must be above 0 ml and above lower_bound_ml, found {len(wrong)} rows that"
            f" are not, first {first}; raise the bound, or leave the cell empty"
        )
    return table


def join(labels: NDArray[Any], numbers: dict[int, int]) -> None:
    """Replace numbers of a label map by others, in place.

    The replacement runs slice by slice, because a mask of the whole map needs much memory.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (x, y, z)
        Label map, which is changed.
    numbers : dict of int to int
        New number by old number.

    Examples
    --------
    >>> labels = np.array([[[0, 1], [2, 2]]])
    >>> join(labels, {2: 1})
    >>> labels.tolist()
    [[[0, 1], [1, 1]]]

    """
    for axial in labels.T:
        for old, new in numbers.items():
            axial[axial == old] = new


def lower_bounds(label_set: LabelSet, changed: dict[str, float | None]) -> dict[str, float]:
    """Return the lower bound (mL) of each structure that has one.

    Parameters
    ----------
    label_set : LabelSet
        Structures with their lower bounds.
    changed : dict of str to (float or None)
        Lower bounds (mL) that replace those of the label set, by structure; None removes a bound.

    Returns
    -------
    dict of str to float
        Lower bound (mL) by structure.

    Raises
    ------
    ContractError
        If `changed` names a structure that the label set does not have.

    Examples
    --------
    >>> bounds = lower_bounds(read("demo"), {"spleen": 50, "liver": None})
    >>> bounds["spleen"], "liver" in bounds
    (50.0, False)

    """
    unknown = sorted(set(changed) - set(label_set.names))
    if unknown:
        raise ContractError(
            f"screen.lower_bound_ml: {', '.join(unknown)} are not structures of label set {label_set.name}"
        )
    bounds = dict(zip(label_set.table["structure"], label_set.table["lower_bound_ml"], strict=True)) | changed
    return {name: float(bound) for name, bound in bounds.items() if bound is not None and not math.isnan(bound)}


def upper_bounds(label_set: LabelSet) -> dict[str, float]:
    """Return the upper plausibility limit (mL) of the volume of each structure that has one.

    Parameters
    ----------
    label_set : LabelSet
        Structures; the column `upper_bound_ml` may be absent.

    Returns
    -------
    dict of str to float
        Upper limit (mL) by structure.

    Examples
    --------
    >>> upper_bounds(read("demo"))["kidney_left"]
    580.0

    """
    if "upper_bound_ml" not in label_set.table.columns:
        return {}
    bounds = zip(label_set.table["structure"], label_set.table["upper_bound_ml"], strict=True)
    return {name: float(bound) for name, bound in bounds if not math.isnan(bound)}
