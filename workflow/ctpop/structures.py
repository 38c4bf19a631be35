"""Label sets: which number in a label map means which structure, on which side, with which lower bound."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ctpop import columns
from ctpop.errors import ContractError
from ctpop.settings import LABEL_SETS, groups_of, label_set_file
from ctpop.tables import Table

SIDES = ("left", "right")
TEXTS = {"structure": str, "side": str, "group": str, "snomed_code": str}

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
    def twins(self) -> dict[str, str]:
        """The same structure on the other side, where the set has both: of `rib_left_1`, `rib_right_1`."""
        other = dict(zip(SIDES, SIDES[::-1], strict=True))
        paired = self.table.loc[self.table["side"].isin(SIDES), "structure"]
        mirrored = {name: "_".join(other.get(word, word) for word in name.split("_")) for name in paired}
        return {name: twin for name, twin in mirrored.items() if twin in mirrored and twin != name}

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
        If the file is missing, a label or name repeats, or a side contradicts the name of its structure.

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
    return LabelSet(path.stem, table)


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
