"""Errors, atomic file writing, worker processes and page templates. This package imports no other package of ctpop."""
