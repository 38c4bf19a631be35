"""Effects of age on one structure: differences per decade, differences between the sexes, and relation with height."""

from collections.abc import Callable

import pandas as pd
from markupsafe import Markup

from ctpop.figures import formatting
from ctpop.figures.formatting import DASH, MEASURES, SEXES, covariates_in_words
from ctpop.stages.report import cells
from ctpop.stages.report.cells import RHO, Cell, CellGrid, CellRow, Head, P
from ctpop.stages.report.structure_tables import MEASURE, NOTE, Record, StructureRows, note, p_pair, without_notes

COLUMNS = {
    "female": SEXES["female"],
    "male": SEXES["male"],
    "standardized": "Women and men<br>(equal weights)",
    "difference": "Men minus<br>women",
    "all": "All patients",
}
MAIN = ("standardized", "all", "female", "male")  # the effect whose P value is shown: the first that is available
FORMS = {"spline": "Curve", "line": "Straight line"}
FEW_IN_RANGE = "too few values for the model, or fewer than 25 patients of a sex (50 without sex) in this age range"
UNITS = {"volume_ml": "%", "hu_mean": "HU"}


def effects(rows: StructureRows) -> CellGrid:
    """Return the average differences per decade of age, with one row per model and age range."""
    found = rows.of("age_effects")
    sexes = [sex for sex in COLUMNS if any(row["sex"] == sex and row["reason"] == "ok" for row in found)]
    models: dict[tuple[str, str, str], dict[str, Record]] = {}
    for row in found:
        models.setdefault((row["measure"], row["adjusted_for"], row["window"]), {})[row["sex"]] = row
    once = any(pd.notna(row["effect_one_scan"]) for row in found)
    made = [_effect_row(by_sex, sexes, once=once) for by_sex in models.values()]
    interval = rows.interval
    headings = cells.heads(
        *("Ages", MEASURE, Head("Adjusted for", words=True), "n"),
        *(f"{COLUMNS[sex]}<br>({interval})" for sex in sexes),
        *([f"One scan per<br>patient ({interval})"] if once else []),
        *(P, f"Adjusted {P}<br>(Bonferroni)", NOTE),
    )
    remark = (
        "Average difference per decade of age within the age range: HU for attenuation, percent for volume. The values"
        " compare patients of different ages and do not describe changes within patients. Women and men (equal"
        " weights): mean of the effects in women and in men, to which the P value applies if both sexes are present."
    )
    return without_notes(CellGrid("Difference per decade of age", headings, made, remark))


def sex_differences(rows: StructureRows) -> CellGrid:
    """Return the differences between men and women at a fixed age."""
    found = [row for row in rows.of("sex_differences") if row["reason"] != "one_sex"]
    made = [
        CellRow(
            f"{MEASURES[row['measure']]} ({UNITS[row['measure']]})",
            [
                *(cells.words(FORMS[row["form"]]), cells.words(_covariates(row["adjusted_for"])), cells.size(row)),
                _with_limits(row, "difference", "ci_low", "ci_high"),
                _with_limits(row, "difference_sd", "ci_low_sd", "ci_high_sd"),
                *(*p_pair(row), note(row)),
            ],
        )
        for row in found
    ]
    age = f"{found[0]['age_years']:g}" if found else ""
    headings = cells.heads(
        *("Measure", Head("Relation with age", words=True), Head("Adjusted for", words=True), "n"),
        *(f"Men minus women<br>({rows.interval})", f"In residual SDs<br>({rows.interval})"),
        *(P, f"Adjusted {P}<br>(Bonferroni)", NOTE),
    )
    return without_notes(CellGrid(f"Difference between men and women at {age} years", headings, made))


def body_size(rows: StructureRows) -> CellGrid:
    """Return the relation of the volume with body height."""
    found = [row for row in rows.of("body_size") if row["reason"] != "no_height"]
    lines: list[tuple[str, Callable[[Record], Cell]]] = [
        ("Scans, n", cells.size),
        (f"Allometric exponent ({rows.interval})", lambda row: _with_limits(row, "exponent", "ci_low", "ci_high")),
        (f"{P} (exponent = 0)", lambda row: cells.p_value(row["p"], row["log10_p"])),
        (f"{P} (exponent = 2)", lambda row: cells.p_value(row["p_square"], row["log10_p_square"])),
        (
            f"Difference of volume/height² per decade of age, % ({rows.interval})",
            lambda row: _with_limits(row, "index_effect", "index_ci_low", "index_ci_high"),
        ),
        *(line for sex in ("female", "male") if sex in rows.sexes for line in _of_sex(sex)),
    ]
    made = [CellRow(Markup(name), [tell(row)]) for row in found for name, tell in lines if row["reason"] == "ok"]
    made += [CellRow("Note", [note(row)]) for row in found if row["reason"] != "ok"]
    remark = (
        "The exponent b describes volumes proportional to height to the power b, adjusted for sex and age: 1, 2, and 3"
        " correspond to scaling with length, area, and volume. An index is independent of height if the correlation is"
        " about 0."
    )
    return CellGrid("Volume and body height", cells.heads("", MEASURES["volume_ml"]), made, remark)


def _of_sex(sex: str) -> list[tuple[str, Callable[[Record], Cell]]]:
    who = SEXES[sex]

    def median(row: Record) -> Cell:
        low, middle, high = (float(row[f"index_{name}_{sex}"]) for name in ("q1", "median", "q3"))
        return Cell(formatting.MISSING if middle != middle else _interval(middle, low, high))

    def rho(name: str) -> Callable[[Record], Cell]:
        return lambda row: cells.coefficient(row[f"rho_{name}_{sex}"])

    return [
        (f"{who}: volume/height², mL/m², median (interquartile range)", median),
        (f"{who}: {RHO} of height and volume", rho("volume")),
        (f"{who}: {RHO} of height and volume/height²", rho("index")),
        (f"{who}: {RHO} of height and volume/height<sup>b</sup>", rho("exponent_index")),
    ]


def _effect_row(by_sex: dict[str, Record], sexes: list[str], *, once: bool) -> CellRow:
    """Return the row of one model and age range; the counts and P are those of the main effect.

    With `once`, the row contains the main effect with one scan per patient.
    """
    main = next((by_sex[sex] for sex in MAIN if sex in by_sex and by_sex[sex]["reason"] == "ok"), None)
    shown = main or next(by_sex[sex] for sex in (*MAIN, *by_sex) if sex in by_sex)
    window, measure = shown["window"], shown["measure"]
    return CellRow(
        "All ages (straight line)" if window == "all" else f"{window.replace('-', DASH)} years",
        [
            *(cells.words(f"{MEASURES[measure]} ({UNITS[measure]})"), cells.words(_covariates(shown["adjusted_for"]))),
            cells.size(shown),
            *(_with_limits(by_sex[sex], "effect", "ci_low", "ci_high") for sex in sexes),
            *([_with_limits(shown, "effect_one_scan", "ci_low_one_scan", "ci_high_one_scan")] if once else []),
            *(*p_pair(shown), _note_on_range(shown)),
        ],
    )


def _note_on_range(row: Record) -> Cell:
    """Return the note on a missing effect, which names the patients that an age range requires."""
    few = row["reason"] == "too_few" and row["window"] != "all"
    return cells.words(FEW_IN_RANGE, wrap=True) if few else note(row)


def _with_limits(row: Record, name: str, low: str, high: str) -> Cell:
    """Return a cell with an estimate and the limits of its interval, sorted by the estimate."""
    if pd.isna(row[name]):
        return Cell(formatting.MISSING, "")
    return Cell(_interval(float(row[name]), float(row[low]), float(row[high])), f"{float(row[name]):.12g}")


def _interval(value: float, low: float, high: float) -> str:
    value_text, low_text, high_text = (formatting.number(number, 2) for number in (value, low, high))
    return f"{value_text} ({low_text}, {high_text})"


def _covariates(names: str) -> str:
    words = "no covariates" if names == "none" else covariates_in_words(names)
    return words[:1].upper() + words[1:]
