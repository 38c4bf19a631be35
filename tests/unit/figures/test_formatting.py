import math

import pytest

from ctpop.contracts import codes
from ctpop.figures import formatting
from ctpop.study import configuration
from ctpop.study.display_names import DisplayName

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.61, "−.61"), (0.61, ".61"), (-1.0, "−1.00"), (1.0, "1.00"), (0.0, ".00"), (-0.004, ".00"), (NAN, "–")],
)
def test_a_correlation_has_no_leading_zero_and_a_true_minus(value, text):
    assert formatting.coefficient(value) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "P < .0001"),
        (0.00009999, "P < .0001"),
        (0.0001, "P = .0001"),
        (0.00123, "P = .0012"),
        (0.0234, "P = .023"),
        (0.5, "P = .50"),
        (0.995, "P > .99"),
        (1.0, "P > .99"),
        (NAN, "P not computed"),
    ],
)
def test_p_is_printed_as_the_paper_prints_it(p, text):
    assert formatting.p_text(p) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "P < .001"),
        (0.000999, "P < .001"),
        (0.001, "P = .001"),
        (0.0085, "P = .009"),
        (0.0234, "P = .02"),
        (0.0449, "P = .04"),
        (0.046, "P = .046"),
        (0.05, "P = .05"),
        (0.5, "P = .50"),
        (0.995, "P > .99"),
        (NAN, "P not computed"),
    ],
)
def test_p_is_printed_in_ama_style_on_request(p, text):
    with formatting.printed_in("ama"):
        assert formatting.p_text(p) == text


def test_in_ama_style_a_correlation_has_a_zero_and_a_level_of_significance_has_none():
    with formatting.printed_in("ama"):
        assert [formatting.coefficient(value) for value in (-0.61, 0.61, 1.0, NAN)] == ["−0.61", "0.61", "1.00", "–"]
        assert formatting.interval(-0.68, 0.03) == "−0.68, 0.03"
        assert formatting.level(0.0001) == ".0001"
        assert [formatting.p_cell(p) for p in (0.0, 0.046, 1.0, NAN)] == ["<.001", ".046", ">.99", "–"]


def test_a_mark_of_an_axis_has_the_decimals_that_it_needs():
    assert [formatting.tick(rho) for rho in (-1, -0.5, 0, 0.25)] == ["−1", "−.5", "0", ".25"]
    with formatting.printed_in("ama"):
        assert [formatting.tick(rho) for rho in (-1, -0.5, 0, 0.25)] == ["−1", "−0.5", "0", "0.25"]


def test_a_style_ends_with_its_context_even_after_an_error():
    with pytest.raises(ZeroDivisionError), formatting.printed_in("ama"):
        1 / 0  # noqa: B018

    assert formatting.style_in_use() == "paper"
    assert formatting.p_text(0.0) == "P < .0001"


def test_the_configuration_offers_the_styles_that_there_are():
    offered = configuration.load_schema()["properties"]["report"]["properties"]["style"]["enum"]

    assert tuple(offered) == formatting.STYLES


def test_a_cell_has_the_same_p_without_its_name():
    assert [formatting.p_cell(p) for p in (0.0, 0.023, 1.0, NAN)] == ["<.0001", ".023", ">.99", "–"]


def test_numbers_have_commas_between_thousands_and_a_true_minus():
    assert formatting.number(-1234.56, 1) == "−1,234.6"
    assert formatting.number(0.5, 1) == "0.5"
    assert formatting.number(10.0) == "10"
    assert formatting.number(NAN, 1) == "–"


def test_an_interval_without_limits_is_a_dash():
    assert formatting.interval(-0.68, -0.53) == "−.68, −.53"
    assert formatting.interval(NAN, NAN) == "–"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hip_left", "Left hip bone"),
        ("rib_right_10", "Right tenth rib"),
        ("vertebrae_L3", "Vertebra L3"),
        ("autochthon_left", "Left autochthonous back muscles"),
        ("clavicula_right", "Right clavicle"),
        ("iliac_vena_left", "Left common iliac vein"),
        ("inferior_vena_cava", "Inferior vena cava"),
        ("aorta", "Aorta"),
        ("lungs", "Lungs"),
        ("tumor_left_2", "Left tumor 2"),
    ],
)
def test_structures_have_display_names(name, text):
    assert formatting.structure_text(name) == text


def test_names_of_the_label_set_in_use_come_first():
    with formatting.named_by({"hip_left": DisplayName("left os coxae", "left ossa coxae", "L coxa")}):
        assert formatting.structure_text("hip_left") == "Left os coxae"
        assert formatting.structure_name("hip_left") == "left os coxae"
        assert formatting.structure_abbreviation("hip_left") == "L coxa"
        assert formatting.pair_text("hip_left") == "Ossa coxae"
        assert formatting.structure_text("hip_right") == "Right hip bone"
        assert formatting.names_in_use()["hip_left"].name == "left os coxae"

    assert formatting.structure_text("hip_left") == "Left hip bone"
    assert formatting.names_in_use() == {}


def test_both_sides_of_a_structure_have_one_name():
    assert formatting.pair_text("lung_upper_lobe_left") == formatting.pair_text("lung_upper_lobe_right")
    assert formatting.pair_text("rib_left_1") == "First ribs"
    with formatting.named_by({"kidney_left": DisplayName("Niere links", "Nieren links", "NL")}):
        assert formatting.pair_text("kidney_left") == "Kidney"


def test_levels_are_printed_as_short_as_they_are():
    assert [formatting.percent(share) for share in (0.95, 0.999, 0.9)] == ["95%", "99.9%", "90%"]


def test_a_level_of_significance_has_the_decimals_that_it_needs():
    assert [formatting.level(alpha) for alpha in (0.05, 0.0001, 5e-8)] == [".05", ".0001", ".00000005"]


def test_things_are_counted_in_singular_and_plural():
    assert [formatting.count(n, "scan") for n in (0, 1, 4004)] == ["0 scans", "1 scan", "4,004 scans"]
    assert formatting.count(2, "woman", "women") == "2 women"


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b, and c")]
)
def test_lists_end_with_and(items, text):
    assert formatting.listed(items) == text


def test_every_code_has_words():
    assert set(formatting.LOOKS) == set(codes.CONTRAST_LOOKS)
    assert set(formatting.NOT_MEASURED) == set(codes.MEASURE_STATUS) - {"measured"}
    assert set(formatting.REASONS) == set(codes.REASONS)
    assert set(formatting.MEASURES) == set(formatting.AXES) == set(codes.MEASURES)
    assert set(formatting.SEXES) == set(formatting.SEX_WORDS) == {"female", "male", ""}
