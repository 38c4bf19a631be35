"""Colours of figures that readers with colour vision deficiency can tell apart."""

INK, SOFT, HAIRLINE, PAPER = "#1c2126", "#5b6570", "#c8ced4", "#ffffff"
BLUE, ORANGE, RED, GREY = "#2b6a99", "#d98a29", "#b2402f", "#9aa3ab"
VIOLET, OCHRE, CYAN, GREEN = "#8c74b4", "#c7a93b", "#5bb0c4", "#4c9a79"
PALE_GREY, PALE_VIOLET, PALE_BLUE = "#e3e8ec", "#dcd3e8", "#b9cfe0"
BROWN, PALE_ORANGE = "#7a5a3c", "#f0d3ac"
