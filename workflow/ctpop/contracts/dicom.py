"""Tables from DICOM: the registry of selected series, the excluded series, file counts, and conversions."""

from ctpop.contracts import dicom_codes as codes
from ctpop.contracts.columns import OLDEST_YEARS, count, number, text, truth
from ctpop.contracts.keys import SCAN
from ctpop.contracts.tables import Table

ONE_SLICE = "the series contains one slice, or an image has no position"
NO_PLACE = "an image has no position"
NOT_STATED = "not in the header"
SERIES_COLUMNS = {
    "scan_id": SCAN,
    "patient_id": text(
        "keyed hash of PatientID, or of the examination (see `patient_source`)", pattern="p[0-9a-f]{16}"
    ),
    "exam_id": text("keyed hash of the examination (DICOM study)", pattern="e[0-9a-f]{16}"),
    "age_years": number(
        "age at the examination: completed years, or completed months below two years",
        "years",
        low=0,
        high=OLDEST_YEARS,
        missing="unknown (see `age_reason`)",
    ),
    "sex": text("sex according to PatientSex", among=("female", "male"), missing="other, or not in the header"),
    "ct_path": text("path at which `convert` stores the CT volume, relative to the folder of the registry"),
    "complete": truth(
        "whether the images are complete. Optional entry of a reader, kept by later runs of `index`",
        missing="not entered",
    ),
    "contrast": truth(
        "whether a contrast agent was administered. Optional entry of a reader, kept by later runs of `index`",
        missing="not entered",
    ),
    "known_absent": text(
        "structures that the patient does not have. Optional entry of a reader, kept by later runs of `index`",
        missing="not entered",
    ),
    "complete_header": truth(
        "whether the slices are consecutive, without gaps, repeated positions, or uneven spacing", missing=ONE_SLICE
    ),
    "complete_header_reason": text(
        f"reason for `complete_header`: {', '.join(f'`{code}`' for code in codes.COMPLETE_REASONS)}. Several reasons"
        " are separated by semicolons",
        missing=NO_PLACE,
    ),
    "contrast_header": truth(
        "whether a contrast agent was administered intravenously, according to the header", missing="not recorded"
    ),
    "contrast_header_reason": text("reason for `contrast_header`", among=codes.CONTRAST_REASONS),
    "contrast_hint": truth(
        "whether the series description suggests contrast administration. This value is not used in decisions",
        missing="the description contains no relevant word",
    ),
    "age_source": text("source of the age", among=("patient_age", "dates"), missing="no age"),
    "age_reason": text("assessment of PatientAge", among=codes.AGE_REASONS),
    "patient_source": text("source of `patient_id`", among=("patient_id", "examination", "folder")),
    "patient_reason": text("whether PatientID is consistent with a single patient", among=codes.PATIENT_REASONS),
    "series_source": text("information that identifies the images of the series", among=codes.SERIES_SOURCES),
    "year": count("year of the examination", missing=NOT_STATED),
    "height_cm": number(
        "height (PatientSize)", "cm", low=0, missing="not in the header, or impossible (see docs/cohort.md)"
    ),
    "weight_kg": number(
        "weight (PatientWeight)", "kg", low=0, missing="not in the header, or impossible (see docs/cohort.md)"
    ),
    "kvp": number("tube voltage", "kV", low=0, missing=NOT_STATED),
    "kernel": text("convolution kernel; `other` if it is not recognized", missing=NOT_STATED),
    "kernel_class": text("type of kernel", among=("soft", "sharp"), missing="unknown kernel"),
    "manufacturer": text("manufacturer; `other` if it is not recognized", missing=NOT_STATED),
    "scanner": text("scanner model; `other` if it is not recognized", missing=NOT_STATED),
    "body_part": text("body part (BodyPartExamined); `other` if it is not recognized", missing=NOT_STATED),
    "patient_position": text(
        "patient position, such as HFS (head first, supine)", missing="not in the header, or not a standard value"
    ),
    "slice_thickness_mm": number(
        "slice thickness (most frequent value of SliceThickness)", "mm", low=0, missing=NOT_STATED
    ),
    "slice_spacing_mm": number(
        "mean distance between adjacent slices, with missing slices counted", "mm", low=0, missing=ONE_SLICE
    ),
    "pixel_spacing_mm": number("distance between adjacent pixels of a row", "mm", low=0, missing=NO_PLACE),
    "n_slices": count("number of slices, not including copies", low=1),
    "n_gaps": count("number of gaps between slices", missing=ONE_SLICE),
    "n_missing_slices": count("number of missing slices in the gaps", missing=ONE_SLICE),
    "n_repeated_positions": count("number of slices at the position of another slice", missing=NO_PLACE),
    "n_copies": count("number of files that contain a copy of an image and are not used"),
    "differing_facts": text(
        "properties that differ between the images of the series, separated by semicolons. The value of the first image"
        " is used, except that contradictory ages, sexes, and contrast records are set to missing",
        missing="the images agree",
    ),
    "spacing_deviation_mm": number(
        "largest distance of a slice from its position on an even grid", "mm", low=0, missing=ONE_SLICE
    ),
    "gantry_tilt_deg": number(
        "angle between the slice normal and the line from the first to the last slice",
        "degrees",
        low=0,
        missing=ONE_SLICE,
    ),
    "z_extent_mm": number("length along the body between the outer edges of the slices", "mm", low=0, missing=NO_PLACE),
    "plane": text("plane of the slices", among=("axial", "coronal", "sagittal"), missing=NO_PLACE),
    "image_kind": text(
        "type of image according to ImageType. Virtual monoenergetic images at energies other than 70 keV are"
        " `derived`",
        among=("original", "monoenergetic", "derived", "localizer"),
    ),
    "transfer_syntax": text("transfer syntax: encoding of the pixels, as named in the DICOM standard"),
    "rows": count("number of rows of a slice", low=1),
    "columns": count("number of columns of a slice", low=1),
    "hu_lowest": number(
        "lowest attenuation that the stored bits can represent", "HU", missing="the header does not define HU"
    ),
    "hu_highest": number(
        "highest attenuation that the stored bits can represent", "HU", missing="the header does not define HU"
    ),
    "files_digest": text("digest that changes if a slice is added, removed, or replaced", pattern="[0-9a-f]{16}"),
}
SERIES = Table(
    "dicom_registry",
    ("scan_id",),
    "CT series that `ctpop index` selected: one row per series. The table is a registry with information from headers."
    " Additional columns entered by readers are kept",
    SERIES_COLUMNS,
    open=True,
)
SERIES_EXCLUDED = Table(
    "dicom_excluded",
    ("scan_id",),
    "CT series that `ctpop index` excluded, with the reason: one row per series",
    {
        **{
            name: column
            for name, column in SERIES_COLUMNS.items()
            if name not in {"complete", "contrast", "known_absent"}
        },
        "reason": text("first reason for the exclusion of the series", among=codes.SERIES_REASONS),
        "also": text("additional reasons, separated by semicolons", missing="no additional reason"),
        "decided_by": text(
            "preference according to which another series was selected",
            missing="the series was not compared with another series",
        ),
        "chosen_scan_id": text(
            "series that was selected instead", missing="the series was not compared with another series"
        ),
    },
)
FILES = Table(
    "dicom_files",
    ("status",),
    "numbers of files by file status: one row per file status. The numbers add up to the number of files in the folder",
    {
        "status": text("result of reading the file", among=codes.FILE_STATUS),
        "n_files": count("number of files", "files"),
    },
)
CONVERSIONS = Table(
    "conversions",
    ("scan_id",),
    "results of the conversion from DICOM to NIfTI: one row per scan to be converted",
    {
        "scan_id": SCAN,
        "status": text("result of the conversion", among=codes.CONVERSION_STATUS),
        "detail": text("description of the findings", missing="no additional information"),
        "ct_sha256": text("SHA-256 checksum of the CT volume", pattern="[0-9a-f]{64}", missing="not converted"),
        "n_slices": count("number of slices of the volume", missing="not converted"),
        "hu_min": number("lowest attenuation in the volume", "HU", missing="not converted"),
        "hu_max": number("highest attenuation in the volume", "HU", missing="not converted"),
        "slices_compared": count(
            "number of slices whose pixels were compared with the DICOM files, value by value", missing="not converted"
        ),
        "converter": text("version of dcm2niix", missing="the converter was not run"),
        "warnings": text(
            f"warnings of dcm2niix: {', '.join(f'`{code}`' for code in codes.WARNINGS)}. Several warnings are"
            " separated by semicolons",
            missing="no warnings",
        ),
    },
)
TABLES = (SERIES, SERIES_EXCLUDED, FILES)
