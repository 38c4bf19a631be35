"""Figures of a study: each module draws one matplotlib figure from tables and returns its source data.

`draw(...)` returns the figure, and `source(...)` returns its source data. Only `export` writes files.
"""
