"""Values that are impossible for the name of their structure: counted per structure, and one by one."""

from ctpop.contracts.columns import count, number, text
from ctpop.contracts.keys import MEASURE, PLAUSIBILITY_FINDINGS, SCAN, STRUCTURE
from ctpop.contracts.tables import Table

IMPLAUSIBLE = ("volume", "attenuation", "both")
NO_LIMIT = "the structure has no limit"
NO_VALUES = "no value can be compared with a limit"
ENDS = {"low": "lowest", "high": "highest"}

PLAUSIBILITY = Table(
    "plausibility",
    ("structure",),
    "one row per structure: how many values are beyond the limits for its name; it reports and excludes nothing",
    {
        "structure": STRUCTURE,
        "finding": text("what is implausible", among=PLAUSIBILITY_FINDINGS),
        "n_volumes": count("volumes above 0 of structures that do not reach a border of the image", "scans"),
        "volume_ml_median": number("their median", "ml", low=0, missing=NO_VALUES),
        **{
            f"volume_ml_{end}": number(f"{word} plausible volume", "ml", low=0, missing=NO_LIMIT)
            for end, word in ENDS.items()
        },
        "n_volumes_below": count("volumes below the lowest plausible one", "scans"),
        "n_volumes_above": count("volumes above the highest plausible one", "scans"),
        "n_attenuations": count("mean attenuations of structures of at least 1 ml without voxels in padding", "scans"),
        "hu_mean_median": number("their median", "HU", missing=NO_VALUES),
        **{
            f"hu_mean_{end}": number(f"{word} plausible mean attenuation", "HU", missing=NO_LIMIT)
            for end, word in ENDS.items()
        },
        "n_attenuations_below": count("mean attenuations below the lowest plausible one", "scans"),
        "n_attenuations_above": count("mean attenuations above the highest plausible one", "scans"),
        **{
            f"n_patients_{name}{end}": count(f"different patients of the n_{name}{end} scans", "patients")
            for name in ("volumes", "attenuations")
            for end in ("", "_below", "_above")
        },
        "suggestion": text(
            "name that the label of an implausible structure has in another shipped label set, or with numbers shifted"
            " by one, where the values fit those names better",
            missing="plausible, or no other names fit better",
        ),
    },
)
IMPLAUSIBLE_VALUES = Table(
    "implausible_values",
    ("scan_id", "structure", "measure"),
    "one row per value beyond the limits for the name of its structure; it reports and excludes nothing",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "measure": MEASURE,
        "value": number("volume (ml) or mean attenuation (HU)"),
        "low": number("lowest plausible value", missing=NO_LIMIT),
        "high": number("highest plausible value", missing=NO_LIMIT),
        "scan_share": number(
            "share of the values of the scan in this measure that are beyond their limits, of those with limits; if it"
            " is large, label map and CT, or labels and names, do not belong together",
            low=0,
            high=1,
        ),
    },
)
