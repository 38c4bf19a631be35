"""Reason and status codes, each declared once: label, meaning, precedence and colour.

Tables, the data dictionary, pages, figures and legends are derived from these lists. The name of a member is the code
that tables contain; members are in order of precedence.
"""

from dataclasses import dataclass
from enum import Enum

from ctpop.foundation.colours import (
    BLUE,
    BROWN,
    CYAN,
    GREEN,
    GREY,
    HAIRLINE,
    INK,
    OCHRE,
    OLIVE,
    ORANGE,
    PALE_BLUE,
    PALE_GREEN,
    PALE_GREY,
    PALE_ORANGE,
    PALE_RED,
    PALE_VIOLET,
    RED,
    ROSE,
    VIOLET,
)


@dataclass(frozen=True)
class Code:
    """A code: what pages and figures print for it, and its meaning in the data dictionary."""

    label: str
    meaning: str


@dataclass(frozen=True)
class StatusCode(Code):
    """The status of a scan; `usable` if it has a label map."""

    usable: bool = False


class SegmentStatus(StatusCode, Enum):
    """What became of a scan in the stage `segment`."""

    segmented = "segmented", "the model made a label map", True
    existing = "existing segmentation", "an existing label map, or folder of masks, was taken over", True
    not_converted = (
        "no CT from DICOM that agrees with its headers",
        "the DICOM files gave no CT volume that agrees with their headers; the detail says why",
    )
    missing_file = (
        "file missing",
        "a file is not there or not named in the registry, or a folder has no mask of any structure",
    )
    unreadable = "file not readable", "a file is damaged, cut short, not NIfTI, or changed while it was read"
    not_read = (
        "file not readable for the moment",
        "a file could not be read because the disk or the network failed, which may pass",
    )
    bad_geometry = (
        "geometry of the image not valid",
        "the image has not three axes, or its orientation or spacing is unknown, sheared or contradictory",
    )
    bad_values = (
        "values of the image not valid",
        "a CT is constant, not finite, far from any HU or scaled by a negative slope, voxels are colours or complex"
        " numbers, or labels are not whole numbers from 0 to 65535",
    )
    not_hu = (
        "CT not in HU",
        "the values of the CT are not Hounsfield units: they have an offset, were scaled, were cut off at a window or"
        " stored in 8 bits, are all below those of tissue, or have another scale in some axial slices",
    )
    grid_mismatch = (
        "label map and CT on different grids",
        "label map and CT, or two masks, do not share a grid; nothing is resampled in silence",
    )
    unknown_labels = (
        "label map with unknown labels",
        "the label map has a label that the label set does not name, or is a mask without a name",
    )
    out_of_memory = "out of memory", "the scan does not fit into the memory of the machine"
    prediction_failed = "segmentation failed", "the model could not be applied to the scan"
    not_written = (
        "label map not stored",
        "the label map could not be stored: the disk is full or broken, or its folder is not to be written",
    )


class MeasureStatus(StatusCode, Enum):
    """What became of a structure of a scan in the stage `measure`, beside the status of a scan without a label map."""

    measured = "measured", "the structure was looked for; its number of voxels may be 0", True
    not_in_model = (
        "no structure of the label set known to the model",
        "the label map comes from a model, or a folder of masks, that does not know the structure",
    )
    not_requested = (
        "not requested",
        "the label map does not name its labels and may come from a run for other structures: it cannot be complete, or"
        " no such label map of the study has the structure, so that its absence is not established",
    )
    mask_in_others = (
        "mask inside other masks",
        "more than half of the mask of the structure is in masks of structures with higher labels, which have these"
        " voxels: its volume is not known",
    )
    not_in_table = (
        "not in the table of measures",
        "the table of measures that was taken over has no value for this scan and structure",
    )
    duplicate_images = (
        "same images as another scan",
        "a scan with a lower scan_id has the same images (image_digest) and is used in place of this one, whose values"
        " stay in the table",
    )
    zero_in_statistics = (
        "0.0 in the statistics that were taken over",
        "TotalSegmentator's statistics, as a file or in a table, have 0.0: absent, truncated and failed alike",
    )
    impossible_hu = (
        "attenuation outside the physical range",
        "the table or statistics that were taken over have a mean attenuation that is no mean of HU, or a scale of its"
        " own",
    )
    bad_entry = (
        "entry of the statistics not valid",
        "the entry of the structure in a file of statistics is not a volume and an attenuation; the detail says why",
    )


@dataclass(frozen=True)
class BarPart:
    """A part of the bar of a structure in the figure of its flow."""

    label: str
    colour: str


class Bar(BarPart, Enum):
    """The parts of a bar of `structure_flow`, from the left."""

    used = "in the statistics", BLUE
    absent = "absent", HAIRLINE
    truncated = "cut off by the image", ORANGE
    below_bound = "below lower bound", RED
    doubtful = "in pieces, on the wrong side, sides too different, or too large", VIOLET
    reviewer_excluded = "excluded by a reviewer", INK
    no_value = "no value", OCHRE
    not_segmented = "not measured", GREY


@dataclass(frozen=True)
class ReasonCode(Code):
    """Why a value may be used or not.

    `colour` and `bar` are those of a reason that excludes values, in the figures of single reasons and of the flow of
    structures. `rule` marks what a rule set decides on, `reviewed` is the label of the flow diagram for decisions of
    reviewers about single structures.
    """

    colour: str | None = None
    bar: Bar | None = None
    rule: bool = False
    reviewed: str | None = None
    verdict: bool = True


class Reason(ReasonCode, Enum):
    """Reasons of verdicts, in order of precedence: a verdict gives the first that holds."""

    not_in_model = "not in the model", "the segmentation does not know the structure", PALE_GREY, Bar.not_segmented
    not_requested = (
        "not requested",
        "the label map does not name its labels and may come from a run for other structures, so that an absence is not"
        " established",
        PALE_ORANGE,
        Bar.not_segmented,
    )
    mask_in_others = (
        "mask inside other masks",
        "more than half of the mask of the structure is in masks of other structures, so that its volume is not known",
        PALE_RED,
        Bar.not_segmented,
    )
    not_in_table = (
        "not in the table",
        "the table of measures, or the statistics, that were taken over have no value for this scan and structure",
        PALE_BLUE,
        Bar.not_segmented,
    )
    not_segmented = (
        "scan not measured",
        "the scan has no label map, or could not be measured with it; the status in measures says why",
        GREY,
        Bar.not_segmented,
    )
    duplicate_images = (
        "same images as another scan",
        "a scan with a lower scan_id has the same images, and is used in place of this one",
        PALE_GREEN,
        Bar.not_segmented,
    )
    absent_known = (
        "known to be absent",
        "the registry or a reviewer says that the patient does not have the structure",
        PALE_VIOLET,
        Bar.absent,
        False,
        "structures known to be absent",
    )
    absent = "absent", "the structure has no voxel", HAIRLINE, Bar.absent
    padding = (
        "in padding of the image",
        "too large a share of the voxels is in padding of the image, where nothing was measured",
        ROSE,
        Bar.truncated,
        True,
    )
    truncated = (
        "cut off by the image",
        "the structure reaches a face of the image, so that part of it may lie outside",
        ORANGE,
        Bar.truncated,
        True,
    )
    below_bound = (
        "below lower bound",
        "the volume is below the lower bound of the structure, so the segmentation is taken to have failed",
        RED,
        Bar.below_bound,
        True,
    )
    fragmented = (
        "in pieces",
        "too small a share of the voxels lies in the largest connected part",
        VIOLET,
        Bar.doubtful,
        True,
    )
    laterality = (
        "on the wrong side",
        "the centre of mass lies on the wrong side of the patient's midline",
        CYAN,
        Bar.doubtful,
        True,
    )
    asymmetric = (
        "left and right too different",
        "left and right differ far more than in the rest of the cohort; which of them is wrong is not known",
        GREEN,
        Bar.doubtful,
        True,
    )
    above_bound = (
        "above the upper plausibility limit",
        "the volume is above the upper limit of the structure, which no adult is expected to exceed",
        BROWN,
        Bar.doubtful,
        True,
    )
    unequal_sides = (
        "one side several times the other",
        "the volume is several times that of the contralateral structure, or a fraction of it; which of them is wrong"
        " is not known",
        OLIVE,
        Bar.doubtful,
        True,
    )
    reviewer_excluded = (
        "excluded by a reviewer",
        "a reviewer excluded the value, whatever the rules say",
        INK,
        Bar.reviewer_excluded,
        False,
        "structures excluded",
    )
    reviewer_kept = (
        "kept by a reviewer",
        "a reviewer kept the value, whatever the rules say",
        None,
        None,
        False,
        "structures kept against the rules",
    )
    ok = "usable", "nothing speaks against the value"
    no_value = (
        "no value",
        "nothing speaks against the structure, but the measure has no value, as attenuation without a CT",
        OCHRE,
        Bar.no_value,
        False,
        None,
        False,
    )


FAILED = [status for status in SegmentStatus if not status.usable]
VERDICT_REASONS = [reason for reason in Reason if reason.verdict]
EXCLUSION_REASONS = [reason for reason in Reason if reason.colour]
WITHOUT_MEASUREMENT = tuple(reason.name for reason in Reason if reason.bar is Bar.not_segmented)
ABSENT = tuple(reason.name for reason in Reason if reason.bar is Bar.absent)
