"""Groups of structures: what belongs to them, and their values in each scan."""

from ctpop.contracts.columns import count, number, text, truth
from ctpop.contracts.keys import MEASURE, SCAN
from ctpop.contracts.tables import Table

GROUP = text("group of structures")

GROUP_MEMBERS = Table(
    "group_members",
    ("group", "structure"),
    "one row per group of structures and member; groups are defined in workflow/ctpop/resources/groups.csv",
    {
        "group": GROUP,
        "structure": text("member"),
        "in_label_set": truth("the study's label set has it; a group is taken over its members that it has"),
    },
)
GROUP_VALUES = Table(
    "group_values",
    ("scan_id", "group", "measure"),
    "one row per scan, group of structures and measure: the value of the group, and how many of its members it has",
    {
        "scan_id": SCAN,
        "group": GROUP,
        "measure": MEASURE,
        "value": number(
            "volume: sum of the members (ml); attenuation: mean of the usable members, weighted by volume (HU)",
            missing="for the volume, a member is not usable; for the attenuation, fewer than screen.group_hu_share are",
        ),
        "n_members": count("members that the label set has"),
        "n_usable": count("of them usable in this scan; for the attenuation, with a volume to weight it by"),
    },
)
