"""Tests that several processes write the same figures as one process, in the order of the plans."""

import logging
from functools import partial

import pytest

from ctpop.figures import age_by_sex, asymmetry, scatter
from ctpop.figures.association import Conventions, StructureFinding
from ctpop.figures.export import Plan
from ctpop.figures.formats import FORMATS
from ctpop.figures.formatting import named_by, printed_in
from ctpop.stages.report.figure_files import processes_for, save_all
from ctpop.study.display_names import DisplayName
from support import study_tables


def plans():
    """Return one plan per banner, and a scatter plot with a P value."""
    patients = study_tables.registry(30)
    source = partial(age_by_sex.source, patients)
    ages = [Plan(name, "age_by_sex", name, partial(age_by_sex.draw, patients, name), source) for name in ("one", "two")]
    points = patients[["age_years", "sex"]].assign(value=patients["age_years"] ** 2, quartile=1, patient=range(30))
    association = {"rho": -0.5, "p_rho0": 0.00001, "ci_low": -0.6, "ci_high": -0.4}
    finding = StructureFinding("aorta", "volume_ml", points, association, {}, frozenset())
    conventions = Conventions(None, 0.95, 0.0001, (10, 100), [""] * 4)
    return [*ages, Plan("three", "scatter", "", partial(scatter.draw, finding, conventions), points.copy)]


def saved(folder, jobs, style="paper", chosen=slice(None), formats=FORMATS):
    with printed_in(style), named_by({"aorta": DisplayName("main artery", "main arteries", "MA")}):
        pictures = save_all(plans()[chosen], folder, {"dpi": 72, "formats": formats}, jobs)
    return pictures, {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("style", ["paper", "ama"])
def test_two_processes_write_the_same_files_as_one(tmp_path, style):
    alone, one = saved(tmp_path / "one", 1, style)
    together, two = saved(tmp_path / "two", 2, style)

    assert one == two
    assert alone == together
    assert [picture.name for picture in together] == ["one", "two", "three"]
    assert len(two) == 3 * 4
    expected = {"paper": ("&lt; .0001", "−.50"), "ama": ("&lt; .001", "−0.50")}[style]
    assert all(words in two["three.svg"].decode() for words in (*expected, "Main artery"))


@pytest.mark.parametrize(("files", "jobs", "processes"), [(28, 8, 1), (0, 8, 1), (162, 8, 5), (162, 2, 2)])
def test_a_process_is_started_only_if_drawing_takes_longer_than_starting_the_process(files, jobs, processes):
    assert processes_for(files, jobs) == processes


def test_progress_is_logged_until_all_figures_are_written(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        saved(tmp_path, 1)

    assert "3 of 3 figures in" in caplog.text


def test_figures_of_an_earlier_configuration_are_removed_and_other_files_are_kept(tmp_path):
    for name in ("structure_spleen.pdf", "structure_spleen.csv", "centiles_aorta_volume_ml.svg", "notes.pdf"):
        (tmp_path / name).write_text("old")
    (tmp_path / "structure_spleen.txt").write_text("notes of a user")

    _, files = saved(tmp_path, 1, chosen=slice(1))

    assert set(files) == {
        *(f"one.{kind}" for kind in ("pdf", "svg", "png", "csv")),
        "notes.pdf",
        "structure_spleen.txt",
    }


def test_only_selected_formats_are_written_and_files_of_other_formats_are_removed(tmp_path):
    saved(tmp_path, 1, chosen=slice(1))

    _, files = saved(tmp_path, 1, chosen=slice(1), formats=["svg"])

    assert set(files) == {"one.svg", "one.csv"}


def test_an_error_in_drawing_a_figure_stops_the_run(tmp_path):
    broken = Plan("broken", "asymmetry", "", partial(asymmetry.draw, None, None), dict)

    with pytest.raises(TypeError):
        save_all([broken, *plans()], tmp_path, {"dpi": 72, "formats": FORMATS}, 2)
