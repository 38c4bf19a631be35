"""Colors of figures, distinguishable by readers with color vision deficiency."""

INK, SOFT, HAIRLINE, PAPER = "#1c2126", "#5b6570", "#c8ced4", "#ffffff"
BLUE, ORANGE, RED, GRAY = "#2b6a99", "#d98a29", "#b2402f", "#9aa3ab"
VIOLET, OCHRE, CYAN, GREEN = "#8c74b4", "#c7a93b", "#5bb0c4", "#4c9a79"
BROWN, OLIVE, ROSE = "#7a4a2b", "#8a8f3c", "#c97b9b"
PALE_GRAY, PALE_VIOLET, PALE_BLUE, PALE_GREEN = "#e3e8ec", "#dcd3e8", "#b9cfe0", "#cde3d2"
PALE_ORANGE, PALE_RED = "#f0d3ac", "#ecc4bb"
