"""Reason and status codes, each declared once with its label, meaning, precedence, and color.

Tables, the data dictionary, pages, figures, and legends are derived from these lists. The name of a member is the code
in the tables. Members are in order of precedence.
"""

from dataclasses import dataclass
from enum import Enum

from ctpop.foundation.colors import (
    BLUE,
    BROWN,
    CYAN,
    GRAY,
    GREEN,
    HAIRLINE,
    INK,
    OCHRE,
    OLIVE,
    ORANGE,
    PALE_BLUE,
    PALE_GRAY,
    PALE_GREEN,
    PALE_ORANGE,
    PALE_RED,
    PALE_VIOLET,
    RED,
    ROSE,
    VIOLET,
)


@dataclass(frozen=True)
class Code:
    """A code with its label in pages and figures and its meaning in the data dictionary."""

    label: str
    meaning: str


@dataclass(frozen=True)
class StatusCode(Code):
    """The status of a scan; `usable` if the scan has a label map."""

    usable: bool = False


class SegmentStatus(StatusCode, Enum):
    """The result of the stage `segment` for a scan."""

    segmented = "segmented", "the model produced a label map", True
    existing = "existing segmentation", "an existing label map or folder of masks is used", True
    not_converted = (
        "DICOM conversion failed",
        "the DICOM files could not be converted to a CT volume that agrees with their headers; `detail` contains the"
        " reason",
    )
    missing_file = (
        "file missing",
        "a file does not exist or is not listed in the registry, or a folder contains no mask of any structure",
    )
    unreadable = (
        "file not readable",
        "a file is damaged, truncated, not in NIfTI format, or was modified during reading",
    )
    not_read = (
        "file temporarily not readable",
        "a file could not be read because of a disk or network failure, which may be temporary",
    )
    bad_geometry = (
        "invalid image geometry",
        "the image does not have three axes, or its orientation or spacing is unknown, sheared, or contradictory",
    )
    bad_values = (
        "invalid image values",
        "the CT is constant, contains values that are not finite or far outside the HU range, or has a negative"
        " slope; or voxels are colors or complex numbers; or labels are not whole numbers from 0 to 65,535",
    )
    not_hu = (
        "CT not in HU",
        "the values of the CT are not Hounsfield units: they have an offset, are scaled, are clipped at a window, are"
        " stored in 8 bits, are all below the values of tissue, or have a different scale in some axial slices",
    )
    grid_mismatch = (
        "label map and CT on different grids",
        "the label map and the CT, or two masks, have different grids; images are not resampled automatically",
    )
    unknown_labels = (
        "unknown labels in the label map",
        "the label map contains a label that is not in the label set, or is a mask without a structure name",
    )
    out_of_memory = "out of memory", "the memory of the machine is insufficient for the scan"
    prediction_failed = "segmentation failed", "the model could not be applied to the scan"
    not_written = (
        "label map not stored",
        "the label map could not be stored because the disk is full or defective or the folder is not writable",
    )


class MeasureStatus(StatusCode, Enum):
    """The result of the stage `measure` for a structure; scans without a label map have a `SegmentStatus` instead."""

    measured = "measured", "the structure was measured; its number of voxels can be 0", True
    not_in_model = (
        "structure not included in the model",
        "the model or the folder of masks does not include the structure",
    )
    not_requested = (
        "not requested",
        "the label map contains no label names and may be from a run for other structures. Either the label map is"
        " incomplete, or no label map without label names in this study contains the structure; the absence of the"
        " structure is not established",
    )
    mask_in_others = (
        "mask inside other masks",
        "more than half of the mask is inside masks of structures with higher labels, to which these voxels are"
        " assigned; the volume is unknown",
    )
    not_in_table = (
        "not in the table of measures",
        "the table of measures contains no value for this scan and structure",
    )
    duplicate_images = (
        "same images as another scan",
        "a scan with a lower `scan_id` has the same images (`image_digest`) and is used instead; the values of this"
        " scan remain in the table",
    )
    zero_in_statistics = (
        "value of 0.0 in the TotalSegmentator statistics",
        "the TotalSegmentator statistics (file or table) contain 0.0, which does not distinguish absent, truncated, and"
        " failed structures",
    )
    impossible_hu = (
        "attenuation outside the physical range",
        "the mean attenuation in the table or statistics is outside the possible HU range or has a different scale",
    )
    bad_entry = (
        "invalid entry in the statistics",
        "the entry of the structure in a statistics file is not a valid volume and attenuation; `detail` contains the"
        " reason",
    )


@dataclass(frozen=True)
class BarPart:
    """A segment of the bar of a structure in the figure of structure flow."""

    label: str
    color: str


class Bar(BarPart, Enum):
    """The segments of a bar in the figure `structure_flow`, from left to right."""

    used = "in the statistics", BLUE
    absent = "absent", HAIRLINE
    truncated = "truncated by the field of view", ORANGE
    below_bound = "below lower bound", RED
    doubtful = "fragmented, on the wrong side, asymmetric, or too large", VIOLET
    reviewer_excluded = "excluded by a reviewer", INK
    no_value = "no value", OCHRE
    not_segmented = "not measured", GRAY


@dataclass(frozen=True)
class ReasonCode(Code):
    """The reason for the use or exclusion of a value.

    `color` and `bar` belong to reasons that exclude values and are used in the figures of single reasons and of
    structure flow. `rule` marks reasons that a rule set can contain. `reviewed` is the label of QC decisions about
    individual structures in the flow diagram.
    """

    color: str | None = None
    bar: Bar | None = None
    rule: bool = False
    reviewed: str | None = None
    verdict: bool = True


class Reason(ReasonCode, Enum):
    """Reasons in order of precedence. A verdict contains the first applicable reason."""

    not_in_model = "not in the model", "the segmentation does not include the structure", PALE_GRAY, Bar.not_segmented
    not_requested = (
        "not requested",
        "the label map contains no label names and may be from a run for other structures; the absence of the"
        " structure is not established",
        PALE_ORANGE,
        Bar.not_segmented,
    )
    mask_in_others = (
        "mask inside other masks",
        "more than half of the mask is inside masks of other structures; the volume is unknown",
        PALE_RED,
        Bar.not_segmented,
    )
    not_in_table = (
        "not in the table",
        "the table of measures or the statistics contain no value for this scan and structure",
        PALE_BLUE,
        Bar.not_segmented,
    )
    not_segmented = (
        "scan not measured",
        "the scan has no label map or could not be measured; `status` in the table `measures` contains the reason",
        GRAY,
        Bar.not_segmented,
    )
    duplicate_images = (
        "same images as another scan",
        "a scan with a lower `scan_id` has the same images and is used instead",
        PALE_GREEN,
        Bar.not_segmented,
    )
    absent_known = (
        "known to be absent",
        "the patient does not have the structure, according to the registry or a reviewer",
        PALE_VIOLET,
        Bar.absent,
        False,
        "structures known to be absent",
    )
    absent = "absent", "the structure has no voxel", HAIRLINE, Bar.absent
    padding = (
        "in padding of the image",
        "the proportion of voxels in padding of the image, which contains no measured values, exceeds the limit",
        ROSE,
        Bar.truncated,
        True,
    )
    truncated = (
        "truncated by the field of view",
        "the structure reaches a face of the image, and part of the structure may be outside the field of view",
        ORANGE,
        Bar.truncated,
        True,
    )
    below_bound = (
        "below lower bound",
        "the volume is below the lower bound of the structure, and the segmentation is assumed to have failed",
        RED,
        Bar.below_bound,
        True,
    )
    fragmented = (
        "fragmented",
        "the proportion of voxels in the largest connected component is below the limit",
        VIOLET,
        Bar.doubtful,
        True,
    )
    laterality = (
        "on the wrong side",
        "the center of mass is on the wrong side of the midline of the patient",
        CYAN,
        Bar.doubtful,
        True,
    )
    asymmetric = (
        "asymmetric",
        "the volumes of the left and right structures differ far more than in the other scans of the cohort; the"
        " incorrect side is unknown",
        GREEN,
        Bar.doubtful,
        True,
    )
    above_bound = (
        "above the upper plausibility limit",
        "the volume is above the upper plausibility limit of the structure for adults",
        BROWN,
        Bar.doubtful,
        True,
    )
    unequal_sides = (
        "unequal sides",
        "the volume is several times, or only a fraction of, that of the contralateral structure; the incorrect side is"
        " unknown",
        OLIVE,
        Bar.doubtful,
        True,
    )
    reviewer_excluded = (
        "excluded by a reviewer",
        "a reviewer excluded the value, regardless of the rules",
        INK,
        Bar.reviewer_excluded,
        False,
        "structures excluded",
    )
    reviewer_kept = (
        "kept by a reviewer",
        "a reviewer kept the value, regardless of the rules",
        None,
        None,
        False,
        "structures kept against the rules",
    )
    ok = "usable", "no reason for exclusion applies"
    no_value = (
        "no value",
        "no reason for exclusion applies to the structure, but the measure has no value (for example, attenuation"
        " without a CT)",
        OCHRE,
        Bar.no_value,
        False,
        None,
        False,
    )


FAILED = [status for status in SegmentStatus if not status.usable]
VERDICT_REASONS = [reason for reason in Reason if reason.verdict]
EXCLUSION_REASONS = [reason for reason in Reason if reason.color]
WITHOUT_MEASUREMENT = tuple(reason.name for reason in Reason if reason.bar is Bar.not_segmented)
ABSENT = tuple(reason.name for reason in Reason if reason.bar is Bar.absent)
