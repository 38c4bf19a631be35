"""Tables of the members of groups of structures and of the values of the groups in each scan."""

from ctpop.contracts.columns import count, number, text, truth
from ctpop.contracts.keys import MEASURE, SCAN
from ctpop.contracts.tables import Table

GROUP = text("group of structures (defined in `workflow/ctpop/resources/groups.csv`)")

GROUP_MEMBERS = Table(
    "group_members",
    ("group", "structure"),
    "members of groups of structures: one row per group and member",
    {
        "group": GROUP,
        "structure": text("member of the group"),
        "in_label_set": truth(
            "whether the label set of the study contains the member. A group is computed from the members in the"
            " label set"
        ),
    },
)
GROUP_VALUES = Table(
    "group_values",
    ("scan_id", "group", "measure"),
    "values of groups of structures: one row per scan, group, and measure",
    {
        "scan_id": SCAN,
        "group": GROUP,
        "measure": MEASURE,
        "value": number(
            "volume: sum of the members (mL); attenuation: volume-weighted mean of the usable members (HU)",
            missing="volume: a member is not usable; attenuation: the proportion of usable members is below"
            " `screen.group_hu_share`",
        ),
        "n_members": count("number of members in the label set"),
        "n_usable": count(
            "number of these members with a usable value in this scan; for attenuation, the volume of the member must"
            " also be measured"
        ),
    },
)
