"""The tables that come from DICOM: the registry, the series that were not chosen, counts of files, and conversions."""

from ctpop.contracts import dicom_codes as codes
from ctpop.contracts.columns import OLDEST_YEARS, count, number, text, truth
from ctpop.contracts.keys import SCAN
from ctpop.contracts.tables import Table

ONE_SLICE = "one slice, or an image does not say where it lies"
NO_PLACE = "an image does not say where it lies"
NOT_STATED = "not in the header"
SERIES_COLUMNS = {
    "scan_id": SCAN,
    "patient_id": text("keyed hash of PatientID, or of the examination (patient_source)", pattern="p[0-9a-f]{16}"),
    "exam_id": text("keyed hash of the examination (study)", pattern="e[0-9a-f]{16}"),
    "age_years": number(
        "completed years at the examination; months below two",
        "years",
        low=0,
        high=OLDEST_YEARS,
        missing="see age_reason",
    ),
    "sex": text("PatientSex", among=("female", "male"), missing="other, or not in the header"),
    "ct_path": text("where `convert` puts the CT volume, relative to the registry's folder"),
    "complete": truth("for people: the images are complete; kept by the next run", missing="nobody has said"),
    "contrast": truth("for people: a contrast agent was given; kept by the next run", missing="nobody has said"),
    "known_absent": text(
        "for people: structures the patient does not have; kept by the next run", missing="nobody has said"
    ),
    "complete_header": truth("slices follow each other without gap, repetition and unevenness", missing=ONE_SLICE),
    "complete_header_reason": text(f"why: {', '.join(codes.COMPLETE_REASONS)}, several with ;", missing=NO_PLACE),
    "contrast_header": truth("a contrast agent was given into a vein, by its elements", missing="not recorded"),
    "contrast_header_reason": text("what says so", among=codes.CONTRAST_REASONS),
    "contrast_hint": truth("what words of the series description hint at; decides nothing", missing="no such word"),
    "age_source": text("where the age comes from", among=("patient_age", "dates"), missing="no age"),
    "age_reason": text("what became of PatientAge", among=codes.AGE_REASONS),
    "patient_source": text("what patient_id was made of", among=("patient_id", "examination", "folder")),
    "patient_reason": text("whether PatientID can be that of one person", among=codes.PATIENT_REASONS),
    "series_source": text("what the images of the series were recognised by", among=codes.SERIES_SOURCES),
    "year": count("year of the examination", missing=NOT_STATED),
    "height_cm": number("PatientSize", "cm", low=0, missing=NOT_STATED),
    "weight_kg": number("PatientWeight", "kg", low=0, missing=NOT_STATED),
    "kvp": number("tube voltage", "kV", low=0, missing=NOT_STATED),
    "kernel": text("convolution kernel, if of a known form, else other", missing=NOT_STATED),
    "kernel_class": text("kind of kernel", among=("soft", "sharp"), missing="kernel unknown"),
    "manufacturer": text("manufacturer, if known, else other", missing=NOT_STATED),
    "scanner": text("model, if known, else other", missing=NOT_STATED),
    "body_part": text("BodyPartExamined, if known, else other", missing=NOT_STATED),
    "patient_position": text("how the patient lay, as HFS", missing="not in the header, or not of the standard"),
    "slice_thickness_mm": number("SliceThickness, the most frequent", "mm", low=0, missing=NOT_STATED),
    "slice_spacing_mm": number(
        "mean distance of neighbouring slices, missing ones counted", "mm", low=0, missing=ONE_SLICE
    ),
    "pixel_spacing_mm": number("distance of neighbouring pixels in a row", "mm", low=0, missing=NO_PLACE),
    "n_slices": count("slices, copies left out", low=1),
    "n_gaps": count("places where slices are missing", missing=ONE_SLICE),
    "n_missing_slices": count("slices missing there", missing=ONE_SLICE),
    "n_repeated_positions": count("slices whose place another slice has already", missing=NO_PLACE),
    "n_copies": count("files left out because they repeat an image"),
    "differing_facts": text(
        "facts that differ between the images of the series, separated by semicolons; the first one counts, but"
        " none of several ages, sexes, or opinions on contrast agent",
        missing="the images agree",
    ),
    "spacing_deviation_mm": number(
        "largest distance of a slice from its place on an even grid", "mm", low=0, missing=ONE_SLICE
    ),
    "gantry_tilt_deg": number(
        "angle between the slices' normal and the way from first to last", "degrees", low=0, missing=ONE_SLICE
    ),
    "z_extent_mm": number("length along the body, from edge to edge", "mm", low=0, missing=NO_PLACE),
    "plane": text("plane of the slices", among=("axial", "coronal", "sagittal"), missing=NO_PLACE),
    "image_kind": text(
        "kind of image, by ImageType; virtual monoenergetic images of another energy than 70 keV are derived",
        among=("original", "monoenergetic", "derived", "localizer"),
    ),
    "transfer_syntax": text("how the pixels are stored, by its name in the standard"),
    "rows": count("rows of a slice", low=1),
    "columns": count("columns of a slice", low=1),
    "hu_lowest": number("lowest value that the stored bits can hold", "HU", missing="the header promises no HU"),
    "hu_highest": number("highest value that the stored bits can hold", "HU", missing="the header promises no HU"),
    "files_digest": text("changes when a slice is added, removed or replaced", pattern="[0-9a-f]{16}"),
}
SERIES = Table(
    "dicom_registry",
    ("scan_id",),
    "one row per CT series that `ctpop index` chose: a registry with what the headers say; further columns"
    " that people add are kept",
    SERIES_COLUMNS,
    open=True,
)
SERIES_EXCLUDED = Table(
    "dicom_excluded",
    ("scan_id",),
    "one row per CT series that was not chosen, with the reason",
    {
        **{
            name: column
            for name, column in SERIES_COLUMNS.items()
            if name not in {"complete", "contrast", "known_absent"}
        },
        "reason": text("why the series was not chosen, the first reason that holds", among=codes.SERIES_REASONS),
        "also": text("further reasons, separated by ;", missing="no other"),
        "decided_by": text("the preference in which the chosen series is better", missing="not decided by comparison"),
        "chosen_scan_id": text("the series that was chosen in its place", missing="not decided by comparison"),
    },
)
FILES = Table(
    "dicom_files",
    ("status",),
    "how many files came to what end; the counts add up to the files of the folder",
    {
        "status": text("end of a file", among=codes.FILE_STATUS),
        "n_files": count("files", "files"),
    },
)
CONVERSIONS = Table(
    "conversions",
    ("scan_id",),
    "one row per scan that was to be converted from DICOM to NIfTI",
    {
        "scan_id": SCAN,
        "status": text("end of the conversion", among=codes.CONVERSION_STATUS),
        "detail": text("what was found, in words", missing="nothing to say"),
        "ct_sha256": text("checksum of the CT volume", pattern="[0-9a-f]{64}", missing="not converted"),
        "n_slices": count("slices of the volume", missing="not converted"),
        "hu_min": number("lowest value of the volume", "HU", missing="not converted"),
        "hu_max": number("highest value of the volume", "HU", missing="not converted"),
        "slices_compared": count(
            "slices whose pixels were compared with the DICOM files, value by value", missing="not converted"
        ),
        "converter": text("version of dcm2niix", missing="it was not run"),
        "warnings": text(f"warnings of dcm2niix: {', '.join(codes.WARNINGS)}, several with ;", missing="none"),
    },
)
TABLES = (SERIES, SERIES_EXCLUDED, FILES)
