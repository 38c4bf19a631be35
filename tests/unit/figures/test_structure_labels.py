import pytest

from ctpop.figures.formatting import named_by
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import SMALL, width_of
from ctpop.study.display_names import DisplayName
from ctpop.study.label_sets import read


def test_a_name_that_is_wider_than_its_room_is_abbreviated():
    assert fitting_name("autochthon_left", 40) == "Left autochthonous back muscles"
    assert fitting_name("autochthon_left", 30) == "L autochth. muscles"
    assert fitting_name("autochthon_left", 15).endswith("…")


def test_both_sides_are_abbreviated_together():
    room = (width_of("Left hip bone", SMALL) + width_of("Right hip bone", SMALL)) / 2

    assert [fitting_name(name, room) for name in ("hip_left", "hip_right")] == ["L hip bone", "R hip bone"]


def test_a_dollar_sign_begins_no_formula():
    with named_by({"liver": DisplayName("$liver$", "$liver$", "$liver$")}):
        assert fitting_name("liver", 40) == r"\$liver\$"


@pytest.mark.parametrize("label_set", ["demo", "paper_104", "total_117"])
@pytest.mark.parametrize("room", [29.0, 32.7, 39.0, 43.0])
def test_every_name_or_its_abbreviation_fits(label_set, room):
    shown = [fitting_name(name, room) for name in read(label_set).names]

    assert not [name for name in shown if name.endswith("…")]
    assert len(set(shown)) == len(shown)
