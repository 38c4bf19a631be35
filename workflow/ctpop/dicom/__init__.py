"""From a folder of DICOM to one row per CT series: headers only, and none of their names, dates or free texts."""
