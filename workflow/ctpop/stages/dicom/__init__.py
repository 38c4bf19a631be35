"""Registry of the CT series in a folder of DICOM files, and conversion to NIfTI with checks against the headers."""
