"""Table 1 and the files of a manuscript (CSV, HTML, DOCX)."""
