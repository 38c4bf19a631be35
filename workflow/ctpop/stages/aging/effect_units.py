"""Units of differences: HU, or percent for volumes, whose natural logarithm is modeled."""

from ctpop.stats.stored_curves import percent_of

LOGARITHMIC = "volume_ml"
UNITS = {"volume_ml": "percent", "hu_mean": "HU"}
PER_DECADE = {measure: f"{unit} per decade" for measure, unit in UNITS.items()}


def in_unit(value: float, measure: str) -> float:
    """Return a difference of HU, or of natural logarithms of volumes, in the unit of the tables: HU, or percent."""
    return percent_of(value) if measure == LOGARITHMIC else value
