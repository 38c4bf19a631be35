"""Layout of the figures: no text is clipped, overlaps another text, or is too small, and each figure has the banner."""

import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ctpop.figures.formatting import printed_in
from ctpop.figures.style import (
    COLUMN_MM,
    LINE_MM,
    MM_PER_INCH,
    SMALL,
    blank_page,
    in_house_style,
    plain,
    shortened,
    width_of,
    wrapped,
)
from ctpop.stages.report.figure_plans import plans
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.study import configuration, label_sets
from support import study_tables

DPI = 150
MARGIN_PX = 1.5  # margin between the glyphs and the bounding box of a text
BANNER = "synthetic"


def study(n, label_set, figure6, banner=BANNER, failed=None, sexes=("female", "male"), truth=True, per_patient=1):
    drawn = [structure for structure, _ in figure6]
    patients = study_tables.of_repeated_patients(study_tables.registry(n, sexes=sexes), per_patient)
    tables = study_tables.study(patients, label_set, failed=failed, curves_of=drawn)
    if not truth:
        del tables["truth"], tables["compare_truth"]
    tables |= study_tables.change_point_tables(tables, label_set, drawn)
    config = configuration.validated(
        {
            "study": {"name": "layout", "registry": "registry.csv", **({"banner": banner} if banner else {})},
            "structures": "demo",
            "segment": {"model": "demo"},
        }
    )
    config["aging"]["change_points"] = list(dict.fromkeys(drawn))
    config["report"]["figure6"] = figure6  # structures that no shipped label set contains
    return FinishedStudy(config, label_set, tables)


def paper(name):
    return [["hip_left", "hu_mean"], ["iliopsoas_left", "volume_ml"], ["aorta", "volume_ml"]], label_sets.read(name)


def made_up(**others):
    return study(label_set=study_tables.label_set(1, 2), figure6=[["organ_1", "volume_ml"]], **others)


def long_names():
    label_set = study_tables.label_set(1, 2)
    names = ["a_name_that_somebody_made_up_and_that_does_not_end_soon", "M" * 60, "muscle_1_left", "muscle_1_right"]
    table = label_set.table.assign(structure=names, group="$a$ group with a name that goes on and on and on and on")
    return study(
        40,
        label_sets.LabelSet("long_names", table),
        [[name, "volume_ml"] for name in names[:3]],
        banner="a banner of $80$ letters, which is as <b>long</b> as the schema lets a banner be",
    )


# Of the many figures of the same kind, the tests examine only a few.
ANOTHER = re.compile(r"structure_(?!flow_p).*|worms_.*|(figure_s3|by_sex)_p.*")
FEW = {f"{name}_p01" for name in ("figure_s3", "by_sex")} | {
    f"structure_{name}" for name in ("organ_1", "muscle_1_left", "M" * 60, "autochthon_left", "ribs")
}
FEW |= {"worms_organ_1", "worms_aorta"}
FAILED_SCANS = {"s0010": "unreadable", "s0011": "out_of_memory"}
STUDIES = {
    "demo_35_ama": lambda: study(35, paper("demo")[1], paper("demo")[0]),
    "demo_35": lambda: study(35, paper("demo")[1], paper("demo")[0]),
    "total_117": lambda: study(400, paper("total_117")[1], paper("total_117")[0], sexes=("female", "male", None)),
    "paper_4004": lambda: made_up(n=4004),
    "repeated_320": lambda: study(
        320, paper("demo")[1], paper("demo")[0], sexes=("female", "male", None), failed=FAILED_SCANS, per_patient=4
    ),
    "repeated_4004": lambda: made_up(n=4004, per_patient=3, failed=FAILED_SCANS),
    "repeated_all_failed": lambda: made_up(n=8, per_patient=4, failed={f"s{n:04d}": "unreadable" for n in range(8)}),
    "one_patient": lambda: made_up(n=1),
    "one_sex_no_banner": lambda: made_up(n=50, sexes=("male",), banner=None, truth=False),
    "all_failed": lambda: made_up(n=30, failed={f"s{number:04d}": "unreadable" for number in range(30)}),
    "long_names": long_names,
}


def shown_ticks(axis, interval):
    low, high = sorted(interval)
    return [
        label
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        for label in (tick.label1,)
        if low <= tick.get_loc() <= high and tick.label1.get_visible()
    ]


def texts_of_axes(axes):
    of_axes = [*axes.texts]
    if axes.axison:
        of_axes += [axes.xaxis.label, axes.yaxis.label, axes.title]
        of_axes += shown_ticks(axes.xaxis, axes.get_xlim()) + shown_ticks(axes.yaxis, axes.get_ylim())
    return of_axes


def texts_of(figure):
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    found += [text for axes in figure.axes for text in texts_of_axes(axes)]
    return [text for text in found if text.get_text().strip() and text.get_visible()]


@in_house_style
def frames_of(figure):
    """Return every drawn text and its bounding box in pixels (left, bottom, right, top)."""
    figure.set_dpi(DPI)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()  # computes the layout without painting
    texts = texts_of(figure)
    frames = [text.get_window_extent(renderer).extents for text in texts]
    return [text.get_text() for text in texts], np.array(frames)


def outside(figure, words, frames):
    """Return the texts that extend beyond the figure."""
    width, height = figure.get_size_inches() * DPI
    left, bottom, right, top = frames.T
    out = (left < 0) | (bottom < 0) | (right > width) | (top > height)
    return [words[place] for place in np.flatnonzero(out)]


def touching(words, frames):
    """Return the pairs of texts that overlap."""
    left, bottom, right, top = frames.T
    wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    high = np.minimum(top[:, None], top) - np.maximum(bottom[:, None], bottom)
    pairs = np.argwhere(np.triu((wide > MARGIN_PX) & (high > 2 * MARGIN_PX), k=1))
    return [(words[one], words[other]) for one, other in pairs]


# Another study draws the same figures with other texts or more structures.
LIKE_ANOTHER = ("demo_35",)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.exhaustive if name in LIKE_ANOTHER else ()) for name in STUDIES],
)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def made(name):
    return STUDIES[name]()


@pytest.fixture(scope="module")
def drawings(name, made):
    with printed_in("ama" if name.endswith("_ama") else "paper"):
        return [plan.drawing for plan in plans(made) if not ANOTHER.fullmatch(plan.name) or plan.name in FEW]


@pytest.fixture(scope="module")
def framed(drawings):
    return [(drawing.name, drawing.figure, *frames_of(drawing.figure)) for drawing in drawings]


def test_no_text_leaves_its_figure(drawings, framed):
    kinds = {drawing.kind for drawing in drawings}
    assert {
        "flow",
        "heatmap",
        "published",
        "centiles",
        "change_point",
        "structure",
        "by_sex",
        "figure_s3",
        "sensitivity",
    } <= kinds
    assert {name: outside(figure, words, frames) for name, figure, words, frames in framed} == {
        name: [] for name, *_ in framed
    }


def test_no_text_overlaps_another(framed):
    assert {name: touching(words, frames) for name, _, words, frames in framed} == {name: [] for name, *_ in framed}


@in_house_style
def test_text_that_leaves_or_overlaps_would_be_found():
    page = blank_page(84, 40, None)
    page.write(5, 5, "first")
    page.write(5, 5 + 0.5 * LINE_MM, "half a line below")
    page.write(5, 20, "alone")
    page.write(80, 30, "too far to the right")
    words, frames = frames_of(page.figure)

    assert touching(words, frames) == [("first", "half a line below")]
    assert outside(page.figure, words, frames) == ["too far to the right"]


def test_no_text_is_too_small_to_read(drawings):
    sizes = {text.get_fontsize() for drawing in drawings for text in texts_of(drawing.figure)}

    assert min(sizes) >= 6.5


def test_no_number_has_a_hyphen_for_a_minus(drawings):
    words = [text.get_text() for drawing in drawings for text in texts_of(drawing.figure)]

    assert any("−" in word for word in words) or len(words) < 300
    assert [word for word in words if "-" in word.replace("Kruskal-Wallis", "")] == []


def test_every_figure_is_one_or_two_columns_wide(drawings):
    widths = {round(drawing.figure.get_figwidth() * MM_PER_INCH, 3) for drawing in drawings}

    assert widths <= set(COLUMN_MM.values())
    # one A4 page, except for the comparison with the ground truth, which journals do not print
    assert max(drawing.figure.get_figheight() for drawing in drawings if drawing.kind != "truth") * MM_PER_INCH < 297


def test_every_figure_has_n_and_the_number_of_patients_with_several_scans(name, made, drawings):
    assert made.conventions.repeated == name.startswith("repeated")
    for drawing in drawings:
        text = " ".join(text.get_text() for text in texts_of(drawing.figure))
        assert "n" in re.findall(r"\w+", text) or "Scans (patients)" in text, drawing.name
        numbers = text.replace("characteristics of the affected patients", "")
        if name != "repeated_all_failed" and "n = 0 correlations" not in text:  # 0 scans are of 0 patients
            assert bool(re.search("(?i)patient", numbers)) == made.conventions.repeated, drawing.name


def test_the_banner_is_on_every_figure_or_on_none(name, made, drawings):
    banner = made.config["study"].get("banner")
    assert bool(banner) == (name != "one_sex_no_banner")
    letters = "".join(plain(banner or BANNER).split())  # on several lines in narrow figures
    for drawing in drawings:
        words = "".join("".join(text.get_text() for text in texts_of(drawing.figure)).split())
        assert (letters in words) == bool(banner), drawing.name


def test_words_are_wrapped_to_the_width_without_omissions():
    text = "label map and CT on different grids (n = 12,345) and one verylongwordthatfitsnowhere"
    lines = wrapped(text, 20, SMALL)

    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width_of(line, SMALL) <= 20 for line in lines)
    assert len(lines) > 3


def test_a_long_name_is_shortened_at_the_end():
    short = shortened("portal vein and splenic vein", 20, SMALL)

    assert short.endswith("…")
    assert "portal vein and splenic vein".startswith(short[:-1])
    assert width_of(short, SMALL) <= 20
    assert shortened("aorta", 20, SMALL) == "aorta"


def test_a_dollar_sign_is_no_formula():
    assert plain("$x$") == r"\$x\$"
