"""Errors, atomic file writing, worker processes, and templates. This package imports no other subpackage of ctpop."""
