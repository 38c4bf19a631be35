"""The closed lists of codes of the DICOM tables and their meanings; `docs/data.md` prints them."""

FILE_STATUS = {
    "ct_image": "the file is an image of a CT series",
    "copy": "the file contains the same image as another file of the series",
    "not_ct": "the file is a DICOM file of another modality or type (MR, PET, segmentation, structured report)",
    "no_ct_image": "the file is a DICOM file of modality CT without a CT image (screenshot, dose report)",
    "dicomdir": "the file is a DICOMDIR, the directory of a DICOM medium",
    "truncated": "the file is a CT image that ends before its last pixel",
    "unreadable": "the file cannot be opened, or its header is damaged",
    "archive": "the file is an archive (such as zip, gzip, or 7z); if it contains images, unpack it and rerun `index`",
    "not_dicom": "the file is not a DICOM file",
    "empty": "the file is empty",
    "closed": "the file or folder cannot be read because of missing permissions",
    "link": "the entry is a symbolic link to a folder, which is not followed, or is a broken link",
}
SERIES_REASONS = {
    "no_geometry": "an image has no position",
    "localizer": "the series is a localizer (scout, topogram)",
    "derived": "the images are derived (reformatted, projected, or secondary images), or they are virtual monoenergetic"
    " images and the examination contains another eligible series",
    "not_axial": "the slices are coronal or sagittal",
    "no_hu": "the header does not define Hounsfield units: the rescale slope or intercept is missing, has a different"
    " unit, or differs between the frames of an image; or the values are colors or are not stored in the lowest bits",
    "gantry_tilt": "the slices are tilted by more than `dicom.largest_tilt_deg`",
    "repeated_positions": "two images are at the same position, or a stack is interleaved with another stack (for"
    " example, two phases in one series)",
    "gaps": "slices are missing",
    "uneven_spacing": "a slice deviates from an even grid by more than `dicom.even_within_mm` or by more than half"
    " the slice spacing",
    "too_few_slices": "the series contains fewer than `dicom.fewest_slices` slices",
    "too_thick": "the slices are thicker than `dicom.largest_thickness_mm`",
    "not_soft": "the kernel is sharp or unknown",
    "duplicate_images": "a series of another patient (`chosen_scan_id`) contains the same images",
    "other_series": "another series of the examination is preferred (`decided_by`, `chosen_scan_id`)",
    "other_examination": "another examination of the patient was selected (`dicom.examination`)",
}
COMPLETE_REASONS = {
    "ok": "the slices are consecutive and evenly spaced",
    "gaps": "slices are missing",
    "repeated_positions": "two images are at the same position",
    "uneven_spacing": "a slice deviates from an even grid by more than `dicom.even_within_mm` or by more than half"
    " the slice spacing",
    "interleaved": "image numbers repeat from slice to slice, which indicates two interleaved stacks",
    "truncated_images": "an image of the series ends before its last pixel, and no complete copy is available",
    "single_slice": "the series contains a single slice, so completeness cannot be assessed",
}
SERIES_SOURCES = {
    "series_uid": "the series is identified by SeriesInstanceUID",
    "geometry": "SeriesInstanceUID is missing or a placeholder; the series is identified by patient, date, series"
    " number, series description, orientation, and grid, and by folder if series overlap",
}
CONTRAST_REASONS = {
    "agent": "ContrastBolusAgent contains the name of an agent",
    "agent_says_none": "ContrastBolusAgent indicates that no agent was administered",
    "bolus": "the volume, dose, flow rate, or start time of a bolus is recorded",
    "oral_only": "the agent was administered orally or rectally",
    "other_route": "the agent was not administered intravenously (spinal canal, joint, bladder, or other route)",
    "agent_unknown": "ContrastBolusAgent contains no recognized agent or contains contradictory entries, or the route"
    " is arterial or unclear",
    "description_differs": "the contrast elements are used, although the series description suggests the opposite"
    " (`contrast_hint`); review the series",
    "not_recorded": "the header contains no information, which does not exclude contrast administration",
    "images_differ": "the images of the series contain contradictory information about contrast administration",
}
AGE_REASONS = {
    "ok": "PatientAge has the standard format",
    "no_unit": "PatientAge has no unit and is interpreted as years",
    "empty": "PatientAge is empty",
    "unreadable": "PatientAge is not an age (for example, N-A)",
    "placeholder": "PatientAge is zero (for example, 000Y), which de-identification software writes instead of an age",
    "out_of_range": "PatientAge is above 120 years",
    "images_differ": "the images of the series contain different ages; no age is used",
    "disagrees_with_dates": "PatientAge differs by more than 1.5 years from the age calculated from the dates of birth"
    " and examination; PatientAge is used",
}
PATIENT_REASONS = {
    "ok": "all images with this PatientID have the same date of birth and sex, if recorded",
    "no_patient_id": "PatientID is empty or a placeholder; each examination counts as a separate patient",
    "no_patient_id_no_study": "PatientID, StudyInstanceUID, and the study time are missing; each folder counts as a"
    " separate patient. Check that no patient has several folders",
    "several_birth_dates": "PatientID occurs with several dates of birth and may belong to several patients",
    "several_sexes": "PatientID occurs with several sexes and may belong to several patients",
    "study_of_several_patients": "StudyInstanceUID also occurs with another PatientID; one patient may have two"
    " identifiers",
    "ages_contradict": "the ages and examination dates contradict each other by more than 1 year; PatientID may belong"
    " to several patients",
}
CONVERSION_STATUS = {
    "converted": "the volume was stored and agrees with the headers",
    "changed_since_index": "files of the series were removed or changed after `index`; rerun `index`",
    "converter_failed": "the converter dcm2niix failed, wrote no volume, or exceeded the time limit",
    "several_volumes": "the converter dcm2niix wrote several volumes of the series or resampled it",
    "not_one_volume": "the slices do not form one volume (missing, repeated, or uneven positions; see"
    " `complete_header_reason`); slices are not interpolated",
    "slices_differ": "the number of slices, rows, or columns of the volume differs from that in the headers",
    "grid_differs": "the spacing, orientation, or position of the volume differs from that in the headers",
    "hu_differ": "values are outside the range of the stored bits, or differ from the pixels of the DICOM files",
    "not_hu": "no voxel has the attenuation of air; the values are probably not Hounsfield units",
    "unreadable": "the volume written by dcm2niix cannot be read",
    "bad_geometry": "the later stages do not accept the geometry of the volume",
    "bad_values": "the volume is constant, contains values that are not finite, or contains values far outside the HU"
    " range",
    "out_of_memory": "the memory of the machine is insufficient for the scan",
    "not_written": "the volume could not be stored because the disk is full or defective or the folder is not writable",
}
WARNINGS = {
    "uneven_distances": "the distances between slices vary",
    "instance_order": "the instance numbers do not follow the order of the slice positions",
    "duplicates_removed": "images were treated as duplicates",
    "orientation": "the warning concerns the orientation, position, or thickness of slices",
    "compression": "the warning concerns compressed pixels",
    "rescale": "the warning concerns intensities or their scale",
    "no_protocol_name": "the protocol has no name, which does not affect the conversion",
    "other": "the warning has another cause; its text is not stored because it can quote the header",
}
