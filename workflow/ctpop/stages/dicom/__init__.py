"""From a folder of DICOM files to a registry with a row per CT series, and NIfTI checked against the headers."""
