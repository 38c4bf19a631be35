"""The closed lists of codes of the DICOM tables, each with what it means; `docs/data.md` prints them."""

FILE_STATUS = {
    "ct_image": "an image of a CT series",
    "copy": "an image that another file of the series has already",
    "not_ct": "DICOM of another kind: MR, PET, segmentations, structured reports",
    "no_ct_image": "DICOM of a CT, but no CT image: a screenshot, a dose report",
    "dicomdir": "a DICOMDIR, the table of contents of a disc",
    "truncated": "a CT image that ends before its last pixel",
    "unreadable": "a file that cannot be opened, or whose header is damaged",
    "archive": "a packed file (zip, gzip, 7z and others): unpack it if it has images, and run index again",
    "not_dicom": "not DICOM",
    "empty": "a file without content",
    "closed": "a folder or file that may not be looked at",
    "link": "a link to a folder, which is not followed, or a link that leads nowhere",
}
SERIES_REASONS = {
    "no_geometry": "an image does not say where it lies",
    "localizer": "a localizer (scout, topogram)",
    "derived": "derived from other images: reformatted, projected, secondary; or virtual monoenergetic where another"
    " series of the examination is not",
    "not_axial": "coronal or sagittal",
    "no_hu": "the header does not promise Hounsfield units: rescale slope or intercept is missing, in other units, or"
    " not the same in all frames of an image, or the values are colours or not in the lowest bits",
    "gantry_tilt": "the slices are tilted by more than dicom.largest_tilt_deg",
    "repeated_positions": "two images at one place, or a stack between the slices of another, as of two phases in one"
    " series",
    "gaps": "slices are missing",
    "uneven_spacing": "a slice lies more than dicom.even_within_mm, or half a slice, off an even grid",
    "too_few_slices": "fewer than dicom.fewest_slices",
    "too_thick": "thicker than dicom.largest_thickness_mm",
    "not_soft": "the kernel is sharp, or not known",
    "duplicate_images": "a series of another patient has the same images (chosen_scan_id)",
    "other_series": "another series of the examination is preferred (decided_by, chosen_scan_id)",
    "other_examination": "another examination of the patient was chosen (dicom.examination)",
}
COMPLETE_REASONS = {
    "ok": "slices follow each other evenly",
    "gaps": "slices are missing",
    "repeated_positions": "two images at one place",
    "uneven_spacing": "a slice lies more than dicom.even_within_mm, or half a slice, off an even grid",
    "interleaved": "numbers of images repeat from slice to slice: two stacks, one between the slices of the other",
    "truncated_images": "an image of the series ends before its last pixel, and no copy of it is complete",
    "single_slice": "one slice tells nothing about others",
}
SERIES_SOURCES = {
    "series_uid": "SeriesInstanceUID",
    "geometry": "SeriesInstanceUID is missing or a placeholder: patient, date, numbers, direction and grid, and the"
    " folder where series lie over each other",
}
CONTRAST_REASONS = {
    "agent": "ContrastBolusAgent names an agent",
    "agent_says_none": "ContrastBolusAgent says that none was given",
    "bolus": "volume, dose, flow or start of a bolus are given",
    "oral_only": "the agent was given by mouth or rectally",
    "other_route": "the agent was not given into a vein, but into the spinal canal, a joint, the bladder or elsewhere",
    "agent_unknown": "ContrastBolusAgent names no known agent, or an agent and its absence, or the way of the agent is"
    " an artery or not clear",
    "description_differs": "the elements of the contrast agent count, though a word of the description of the series"
    " says the opposite (contrast_hint): check it",
    "not_recorded": "the header says nothing, which does not mean that none was given",
    "images_differ": "some images of the series say that it was given, others that it was not",
}
AGE_REASONS = {
    "ok": "PatientAge is of the standard's form",
    "no_unit": "PatientAge has no unit and is taken as years",
    "empty": "PatientAge is empty",
    "unreadable": "PatientAge is not an age, as N-A",
    "placeholder": "PatientAge is zero, as 000Y, which anonymisers write in place of an age",
    "out_of_range": "PatientAge is above 120 years",
    "images_differ": "the images of the series have different ages, of which none counts",
    "disagrees_with_dates": "PatientAge counts, though the dates of birth and examination are more than 1.5 years off",
}
PATIENT_REASONS = {
    "ok": "PatientID has one date of birth and one sex, as far as they are given",
    "no_patient_id": "PatientID is empty or stands for everybody: each examination counts as a patient",
    "no_patient_id_no_study": "neither PatientID nor StudyInstanceUID nor a time of the study: each folder counts as a"
    " patient; check that none is there twice",
    "several_birth_dates": "PatientID has several dates of birth: perhaps it belongs to several people",
    "several_sexes": "PatientID has several sexes: perhaps it belongs to several people",
    "study_of_several_patients": "StudyInstanceUID is that of another PatientID, too: perhaps one patient has two"
    " identifiers",
    "ages_contradict": "ages and dates of the examinations contradict each other by more than a year: perhaps several"
    " people",
}
CONVERSION_STATUS = {
    "converted": "the volume was written, and agrees with the headers",
    "changed_since_index": "files of the series are gone or changed since `index`; run it again",
    "converter_failed": "dcm2niix ended with an error, made nothing, or took too long",
    "several_volumes": "dcm2niix made several volumes of the series, or resampled it",
    "not_one_volume": "slices are missing, at one place or off an even grid, as complete_header_reason says: no NIfTI"
    " can hold them, and none is made up",
    "slices_differ": "the volume has another number of slices, rows or columns than the headers say",
    "grid_differs": "voxels do not lie where the headers say: spacing, direction or place",
    "hu_differ": "values lie outside what the stored bits can hold, or differ from the pixels of the DICOM files",
    "not_hu": "no voxel is as dark as air: the values are probably not Hounsfield units",
    "unreadable": "the volume that dcm2niix wrote cannot be read",
    "bad_geometry": "the volume has a geometry that no later step accepts",
    "bad_values": "the volume is constant, not finite or far from any HU",
    "out_of_memory": "the scan does not fit into the memory of the machine",
    "not_written": "the volume could not be stored: the disk is full or broken, or its folder is not to be written",
}
WARNINGS = {
    "uneven_distances": "distances between slices vary",
    "instance_order": "slices are not numbered in the order in which they lie",
    "duplicates_removed": "images were taken for duplicates",
    "orientation": "something about direction, place or thickness of slices",
    "compression": "something about compressed pixels",
    "rescale": "something about intensities or their scale",
    "no_protocol_name": "the protocol has no name, which does not matter here",
    "other": "something else; the words are not kept, because they can quote the header",
}
