"""Figure of the flow of each structure: every bar represents the whole study, and every structure is on one page."""

import pytest

from ctpop.contracts.all_tables import FLOW_REASONS
from ctpop.figures import failures, structure_flow
from ctpop.figures.catalog import GRIDS
from support import study_tables


@pytest.fixture(scope="module")
def tables():
    return study_tables.study(study_tables.registry(60), study_tables.label_set(), failed={"s0010": "unreadable"})


def test_the_shares_of_each_bar_sum_to_the_scans_in_the_study(tables):
    names = study_tables.label_set().names
    shown = structure_flow.source(tables["structure_flow"], names)

    assert shown.groupby(["structure", "measure"])["n"].sum().eq(len(tables["cohort"])).all()
    assert shown["structure"].drop_duplicates().to_list() == list(names)
    used = shown[(shown["share"] == structure_flow.USED) & (shown["measure"] == "volume_ml")].set_index("structure")[
        "n"
    ]
    last = tables["structure_flow"].query("measure == 'volume_ml'").groupby("structure")["n_after"].last()
    assert used.to_dict() == last.to_dict()
    assert shown.loc[shown["share"] == "not_segmented", "n"].eq(1).all()


def test_every_reason_for_exclusion_has_a_share_with_a_label_and_a_color():
    assert {structure_flow.SHARE_OF.get(reason, reason) for reason in FLOW_REASONS} == set(structure_flow.SHARES) - {
        structure_flow.USED
    }
    assert len({color for color, _ in structure_flow.SHARES.values()}) == len(structure_flow.SHARES)


def test_a_page_fits_print(tables):
    names = [f"organ_{number}" for number in range(GRIDS["structure_flow"][0])]
    shown = structure_flow.source(tables["structure_flow"], ["organ_1"])

    width, height = structure_flow.draw(shown, names, "synthetic").get_size_inches() * 25.4

    assert width == pytest.approx(174)
    assert height < 247  # A4 with margins of 25 mm


def test_a_single_reason_has_the_same_color_in_both_figures():
    assert set(failures.COLORS) == set(FLOW_REASONS)
    alone = {reason: color for reason, (color, _) in structure_flow.SHARES.items() if reason in FLOW_REASONS}

    assert len(alone) == 6
    assert {reason: failures.COLORS[reason] for reason in alone} == alone
    assert len(set(failures.COLORS.values())) == len(FLOW_REASONS)
