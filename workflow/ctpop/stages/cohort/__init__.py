"""Inclusion of scans by criteria, Table 1 of the patients, and de-identified tables for export."""
