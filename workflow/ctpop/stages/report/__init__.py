"""Report of a finished study: figures, pages, manuscript tables and text, provenance, and RO-Crate."""
