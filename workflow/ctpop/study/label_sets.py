"""Label sets: the structure, side, and volume bounds of each label in a label map."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts import columns
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError, count
from ctpop.study import display_names, label_set_check
from ctpop.study.configuration import contralateral_of, groups_of, label_set_file, unknown_label_set
from ctpop.study.display_names import DisplayName
from ctpop.study.label_set_check import SIDES
from ctpop.study.user_tables import read_user_table

STRUCTURES = Table(
    "structures",
    ("label",),
    "structures of a label set (setting `structures`): one row per label. Additional columns are kept. Five optional"
    " columns have a defined meaning: `name`, `plural`, and `abbreviation` (names in figures and pages; names and"
    " abbreviations must be unique), `includes` (names of the parts of a structure), and `upper_bound_ml` (largest"
    " plausible volume)",
    {
        "label": columns.count("label in the label map; 0 is the background", low=1),
        "structure": columns.text("identifier of the structure in tables and settings", pattern="[A-Za-z0-9_]+"),
        "side": columns.text("side of the patient", among=SIDES, missing="the structure is not paired"),
        "group": columns.text("organ group in figures and pages"),
        "lower_bound_ml": columns.number("smallest plausible volume", "mL", low=0, missing="no bound"),
    },
    open=True,
)
OPTIONAL = {
    "name": columns.text(
        "name in figures and pages", missing="the name in a built-in label set, or the words of `structure`, is used"
    ),
    "plural": columns.text("plural of the name", missing="the name is used"),
    "abbreviation": columns.text("short name in figures", missing="the name is used"),
    "upper_bound_ml": columns.number("largest plausible volume (optional column)", "mL", low=0, missing="no bound"),
}


@dataclass(frozen=True)
class LabelSet:
    """The structures of a study.

    Attributes
    ----------
    name : str
        Name of the label set.
    table : pandas.DataFrame
        One row per label, with the columns of `STRUCTURES`: `label`, `structure`, `side`, `group`, `lower_bound_ml`
        (mL), and any further columns of the file.

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
    def display_names(self) -> dict[str, DisplayName]:
        """Names in figures and pages of the structures that have a `name` in the label set.

        Returns
        -------
        dict of str to DisplayName
            Name, plural, and abbreviation by the identifier of the structure.

        Examples
        --------
        >>> read("demo").display_names["hip_left"].name
        'left hip bone'

        """
        return display_names.names_of(self.table.to_dict("records"))

    @property
    def largest_ml(self) -> dict[str, float]:
        """Upper bounds of volume (mL) of the structures with an upper bound.

        Returns
        -------
        dict of str to float
            Largest plausible volume (mL) by structure.

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
            Label by structure.

        Examples
        --------
        >>> read("demo").label_of["spleen"]
        1

        """
        return dict(zip(self.table["structure"], self.table["label"].astype(int), strict=True))

    @property
    def parts(self) -> dict[str, list[str]]:
        """Parts that a structure includes and that other models segment separately.

        The `sacrum` of the original study includes `vertebrae_S1`. The parts are listed in the optional column
        `includes` of a label set (names separated by blanks).

        Returns
        -------
        dict of str to list of str
            Names of the parts by structure, for structures with parts.

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
        """Return the label replacements that assign parts to the structures that include them.

        Parts of structures that are not in `labels` are not replaced.

        Parameters
        ----------
        labels : dict of str to int
            Label by structure.

        Returns
        -------
        dict of int to int
            New label by old label of each part.

        Examples
        --------
        >>> read("paper_104").joins({"sacrum": 25, "vertebrae_S1": 26})
        {26: 25}

        """
        known = {name: parts for name, parts in self.parts.items() if name in labels}
        return {labels[part]: labels[name] for name, parts in known.items() for part in parts if part in labels}

    @property
    def contralateral(self) -> dict[str, str]:
        """Contralateral structure, such as `rib_right_1` for `rib_left_1`, if the label set contains both sides.

        Returns
        -------
        dict of str to str
            Name of the contralateral structure by structure.

        Examples
        --------
        >>> read("demo").contralateral["kidney_left"]
        'kidney_right'

        """
        return contralateral_of(zip(self.table["structure"], self.table["side"], strict=True))

    @property
    def groups(self) -> dict[str, list[str]]:
        """Members of each group of structures in the label set; groups without members are not included.

        Returns
        -------
        dict of str to list of str
            Names of the members by group.

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
        """All members of the groups with at least one member in the label set.

        Returns
        -------
        pandas.DataFrame
            One row per group and member, with the columns `group`, `structure` and `in_label_set`
            (table `group_members`).

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
        """The groups of structures as a label set, for presentation in the same way as structures.

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
    """Read a label set.

    Parameters
    ----------
    name_or_path : str
        Name of a built-in label set (`paper_104`, `total_117`, `demo`) or path of a CSV file.

    Returns
    -------
    LabelSet
        Label set, named after the file without its suffix.

    Raises
    ------
    ContractError
        If the file is missing, cannot be read, or violates `STRUCTURES`; if an upper bound is not above the lower
        bound; if a label or name is repeated; if a side contradicts the name of its structure; or if a structure
        includes another structure of the set.

    Examples
    --------
    >>> len(read("demo").names)
    20

    """
    path = label_set_file(name_or_path)
    if not path.is_file():
        raise ContractError(unknown_label_set(name_or_path))
    problems = label_set_check.problems_of(path)
    if problems:
        raise ContractError(problems[0])
    return LabelSet(path.stem, _with_upper_bounds(path))


def _with_upper_bounds(path: Path) -> pd.DataFrame:
    """Read the table of a label set, and check that upper bounds (optional column) exceed lower bounds."""
    table = read_user_table(STRUCTURES, path, OPTIONAL)
    if "upper_bound_ml" not in table.columns:
        return table
    wrong = table[table["upper_bound_ml"] <= table["lower_bound_ml"].fillna(0)]
    if len(wrong):
        first = ", ".join(f"{row.structure!r} ({row.upper_bound_ml:g} mL)" for row in wrong.head(3).itertuples())
        raise ContractError(
            f"{path}: column 'upper_bound_ml' must be above 0 mL and above lower_bound_ml; found"
            f" {count(len(wrong), 'row')} with lower values, first {first}; raise the bound or empty the cell"
        )
    return table


def join(labels: NDArray[Any], numbers: dict[int, int]) -> None:
    """Replace labels of a label map in place.

    The labels are replaced slice by slice, because a mask of the entire label map would require too much memory.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (x, y, z)
        Label map, modified in place.
    numbers : dict of int to int
        New label by old label.

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
    """Return the lower bounds (mL) of the structures with a lower bound.

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
        If `changed` contains a structure that is not in the label set.

    Examples
    --------
    >>> bounds = lower_bounds(read("demo"), {"spleen": 50, "liver": None})
    >>> bounds["spleen"], "liver" in bounds
    (50.0, False)

    """
    unknown = sorted(set(changed) - set(label_set.names))
    if unknown:
        raise ContractError(
            f"screen.lower_bound_ml: label set {label_set.name} has no structure {', '.join(unknown)}; correct the"
            " names"
        )
    bounds = dict(zip(label_set.table["structure"], label_set.table["lower_bound_ml"], strict=True)) | changed
    return {name: float(bound) for name, bound in bounds.items() if bound is not None and not math.isnan(bound)}


def upper_bounds(label_set: LabelSet) -> dict[str, float]:
    """Return the upper plausibility limits of volume (mL) of the structures with an upper limit.

    Parameters
    ----------
    label_set : LabelSet
        Structures with the optional column `upper_bound_ml`.

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
