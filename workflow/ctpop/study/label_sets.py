"""Label sets: which number in a label map means which structure, on which side, with which lower bound."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts import columns
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError
from ctpop.study.configuration import LABEL_SETS, SIDES, groups_of, label_set_file, twins_of

TEXTS = {"structure": str, "side": str, "group": str, "includes": str, "snomed_code": str}

STRUCTURES = Table(
    "structures",
    ("label",),
    "input (structures): one row per label of a label set; further columns are kept",
    {
        "label": columns.count("number in the label map; 0 is background", low=1),
        "structure": columns.text("name of the structure", pattern="[A-Za-z0-9_]+"),
        "side": columns.text("side of the patient", among=SIDES, missing="not paired"),
        "group": columns.text("organ system or group it is shown with"),
        "lower_bound_ml": columns.number("smallest believable volume", "ml", low=0, missing="no bound"),
    },
    open=True,
)


@dataclass(frozen=True)
class LabelSet:
    """The structures of a study; `table` has the columns of `STRUCTURES`."""

    name: str
    table: pd.DataFrame

    @property
    def names(self) -> list[str]:
        """Names of the structures in the order of their labels."""
        return list(self.table["structure"])

    @property
    def label_of(self) -> dict[str, int]:
        """Label of each structure."""
        return dict(zip(self.table["structure"], self.table["label"].astype(int), strict=True))

    @property
    def parts(self) -> dict[str, list[str]]:
        """What a structure includes that other models tell apart from it: the paper's `sacrum` has `vertebrae_S1`.

        That is column `includes`, names between spaces, which a label set need not have.
        """
        told = self.table.get("includes", pd.Series(index=self.table.index, dtype=str))
        return {
            name: parts.split() for name, parts in zip(self.table["structure"], told, strict=True) if pd.notna(parts)
        }

    def joins(self, labels: dict[str, int]) -> dict[int, int]:
        """Return which numbers of a label map become which others, so that structures have all that they include.

        `labels` gives the numbers that the map has; a structure that it does not know gets no part either.
        """
        known = {name: parts for name, parts in self.parts.items() if name in labels}
        return {labels[part]: labels[name] for name, parts in known.items() for part in parts if part in labels}

    @property
    def twins(self) -> dict[str, str]:
        """The same structure on the other side, where the set has both: of `rib_left_1`, `rib_right_1`."""
        return twins_of(zip(self.table["structure"], self.table["side"], strict=True))

    @property
    def groups(self) -> dict[str, list[str]]:
        """Members that the label set has of each group of structures; groups without any are left out."""
        return {
            group: [name for name, present in members.items() if present]
            for group, members in groups_of(self.names).items()
        }

    @property
    def group_members(self) -> pd.DataFrame:
        """All members of these groups, with the columns of `schema.GROUP_MEMBERS`."""
        rows = [
            (group, name, present)
            for group, members in groups_of(self.names).items()
            for name, present in members.items()
        ]
        return pd.DataFrame(rows, columns=["group", "structure", "in_label_set"])

    @property
    def combined(self) -> "LabelSet":
        """The groups of structures as a label set of their own, to be shown as structures are."""
        names = list(self.groups)
        sides = [next((side for side in SIDES if side in name.split("_")), None) for name in names]
        table = pd.DataFrame({"label": range(1, len(names) + 1), "structure": names, "side": sides})
        return LabelSet("groups", STRUCTURES.check(table.assign(group="groups of structures", lower_bound_ml=np.nan)))


def read(name_or_path: str) -> LabelSet:
    """Return a label set.

    Raises
    ------
    ContractError
        If the file is missing, a label or name repeats, a side contradicts the name of its structure, or a structure
        includes another one of the set.

    """
    path = label_set_file(name_or_path)
    if not path.is_file():
        shipped = ", ".join(sorted(file.stem for file in LABEL_SETS.glob("*.csv")))
        raise ContractError(f"structures: {name_or_path!r} is neither a shipped label set ({shipped}) nor a CSV file")
    table = STRUCTURES.check(pd.read_csv(path, dtype=TEXTS), where=path)
    repeated = sorted(table.loc[table["structure"].duplicated(), "structure"])
    if repeated:
        raise ContractError(f"{path}: each structure has one label, found {', '.join(repeated[:3])} repeated")
    for side, other in (SIDES, SIDES[::-1]):
        wrong = table.loc[table["side"].eq(side) & table["structure"].str.contains(rf"(?:^|_){other}(?:_|$)")]
        if len(wrong):
            first = ", ".join(wrong["structure"].head(3))
            raise ContractError(f"{path}: side must agree with the name, found side {side} for {first}")
    label_set = LabelSet(path.stem, table)
    double = sorted({part for parts in label_set.parts.values() for part in parts} & set(label_set.names))
    if double:
        raise ContractError(
            f"{path}: column 'includes' names {', '.join(double[:3])}, which the label set has by itself"
        )
    return label_set


def join(labels: NDArray[Any], numbers: dict[int, int]) -> None:
    """Replace numbers of a label map (x, y, z) by others, in place; slice by slice, since a mask of it all is large."""
    for axial in labels.T:
        for old, new in numbers.items():
            axial[axial == old] = new


def lower_bounds(label_set: LabelSet, changed: dict[str, float | None]) -> dict[str, float]:
    """Return the lower bound (ml) of each structure that has one.

    Raises
    ------
    ContractError
        If a changed bound is that of no structure of the label set.

    """
    unknown = sorted(set(changed) - set(label_set.names))
    if unknown:
        raise ContractError(
            f"screen.lower_bound_ml: {', '.join(unknown)} are not structures of label set {label_set.name}"
        )
    bounds = dict(zip(label_set.table["structure"], label_set.table["lower_bound_ml"], strict=True)) | changed
    return {name: float(bound) for name, bound in bounds.items() if bound is not None and not math.isnan(bound)}
