"""Inclusion of scans by criteria, Table 1, and export of de-identified tables."""
