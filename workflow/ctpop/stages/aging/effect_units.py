"""Units of differences: HU, or percent for volumes, whose natural logarithm is modeled."""

LOGARITHMIC = "volume_ml"
UNITS = {"volume_ml": "percent", "hu_mean": "HU"}
PER_DECADE = {measure: f"{unit} per decade" for measure, unit in UNITS.items()}
