"""Tables of values that are implausible for their structure: counts per structure, and single values."""

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
    "numbers of values beyond the plausibility limits of each structure: one row per structure. No value is excluded on"
    " this basis",
    {
        "structure": STRUCTURE,
        "finding": text("measures with implausible values", among=PLAUSIBILITY_FINDINGS),
        "n_volumes": count(
            "number of scans in which the volume is above 0 and the structure does not reach a face of the image",
            "scans",
        ),
        "volume_ml_median": number("median of these volumes", "mL", low=0, missing=NO_VALUES),
        **{
            f"volume_ml_{end}": number(f"{word} plausible volume", "mL", low=0, missing=NO_LIMIT)
            for end, word in ENDS.items()
        },
        "n_volumes_below": count("number of volumes below the lowest plausible volume", "scans"),
        "n_volumes_above": count("number of volumes above the highest plausible volume", "scans"),
        "n_attenuations": count(
            "number of scans in which the structure has a volume of at least 1 mL, no voxels in padding, and a mean"
            " attenuation",
            "scans",
        ),
        "hu_mean_median": number("median of these mean attenuation values", "HU", missing=NO_VALUES),
        **{
            f"hu_mean_{end}": number(f"{word} plausible mean attenuation", "HU", missing=NO_LIMIT)
            for end, word in ENDS.items()
        },
        "n_attenuations_below": count(
            "number of mean attenuation values below the lowest plausible mean attenuation", "scans"
        ),
        "n_attenuations_above": count(
            "number of mean attenuation values above the highest plausible mean attenuation", "scans"
        ),
        **{
            f"n_patients_{name}{end}": count(f"number of patients among the `n_{name}{end}` scans", "patients")
            for name in ("volumes", "attenuations")
            for end in ("", "_below", "_above")
        },
        "suggestion": text(
            "name of the label in another shipped label set, or after a shift of the labels by 1, if the values of the"
            " implausible structures fit these names better",
            missing="the values are plausible, or no other names fit better",
        ),
    },
)
IMPLAUSIBLE_VALUES = Table(
    "implausible_values",
    ("scan_id", "structure", "measure"),
    "values beyond the plausibility limits of their structure: one row per value. No value is excluded on this basis",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "measure": MEASURE,
        "value": number("volume (mL) or mean attenuation (HU)"),
        "low": number("lowest plausible value", missing=NO_LIMIT),
        "high": number("highest plausible value", missing=NO_LIMIT),
        "scan_share": number(
            "proportion of the values of this measure in the scan that are beyond their limits, among the values with"
            " limits. A high proportion indicates that the label map does not match the CT or that the labels do not"
            " match the names",
            low=0,
            high=1,
        ),
    },
)
