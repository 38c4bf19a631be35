"""Figures of a study: each module turns tables into one matplotlib figure, and names the numbers that it shows.

`draw(...)` returns the figure and `source(...)` the table behind it. Only `export` writes files.
"""
