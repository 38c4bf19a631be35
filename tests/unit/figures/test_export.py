import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from ctpop.figures import style
from ctpop.figures.export import Drawing, Picture, save

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from pathlib import Path
import pandas as pd
from ctpop.figures import age_by_sex
from ctpop.figures.export import Drawing, save
cohort = pd.DataFrame({"age_years": [20.0, 50.0, 51.0], "sex": pd.Series(["male", "female", None], dtype="str")})
figure = age_by_sex.draw(cohort, "synthetic")
save(Drawing("ages", "age_by_sex", "", figure, age_by_sex.source(cohort)), Path(sys.argv[1]), 100)
"""


@style.in_house_style
def draw(text, banner):
    page = style.blank_page(84, 50, banner)
    page.axes(15, 5, 60, 35).set(xlabel="Age (y)", xlim=(-2, 2))
    page.write(15, 1, text)
    return page.figure


@pytest.fixture
def figure():
    return draw("ρ = −.61; $P$ < .0001", "synthetic")


@pytest.fixture
def folder(figure, tmp_path):
    save(Drawing("example", "scatter", "", figure, pd.DataFrame({"age_years": [1.5]})), tmp_path, dpi=300)
    return tmp_path


def test_a_figure_is_four_files_and_nothing_else(folder):
    assert {path.name for path in folder.iterdir()} == {f"example.{kind}" for kind in ("pdf", "svg", "png", "csv")}
    assert (folder / "example.csv").read_text() == "age_years\n1.5\n"


def test_the_picture_has_its_size_in_print(folder):
    with Image.open(folder / "example.png") as picture:
        assert picture.size[0] == pytest.approx(84 / 25.4 * 300, abs=1)
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("dpi", [300, 600])
def test_the_resolution_is_the_requested_one(figure, tmp_path, dpi):
    save(Drawing("example", "scatter", "", figure, pd.DataFrame({"age_years": [1.5]})), tmp_path, dpi)

    with Image.open(tmp_path / "example.png") as picture:
        assert picture.size == pytest.approx((84 / 25.4 * dpi, figure.get_figheight() * dpi), abs=1)
        assert picture.info["dpi"] == pytest.approx((dpi, dpi), abs=0.1)


def test_the_pdf_embeds_its_fonts_as_truetype(folder):
    content = (folder / "example.pdf").read_bytes()

    assert b"/FontFile2" in content
    assert b"+Arimo" in content
    assert b"/Type3" not in content
    assert b"CreationDate" not in content


def test_the_svg_keeps_text_as_text_and_carries_its_fonts(folder):
    content = (folder / "example.svg").read_text()

    assert re.search(r"<text[^>]*>Age \(y\)</text>", content)
    assert len(re.findall(r"@font-face", content)) == 3
    assert "Arimo, Arial, " in content
    assert "<dc:date>" not in content
    assert not re.search(r"(?:href|src|url)\s*[=(]\s*[\"']?https?:", content)


def test_a_face_that_is_not_used_is_not_carried(tmp_path):
    save(Drawing("plain", "scatter", "", draw("Age", None), pd.DataFrame({"n": [1]})), tmp_path, dpi=72)

    assert (tmp_path / "plain.svg").read_text().count("@font-face") == 1


def test_two_processes_write_the_same_bytes(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow")}
    for name, seed in (("one", "1"), ("two", "2")):
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / name)]
        subprocess.run(command, check=True, env={**environment, "PYTHONHASHSEED": seed})

    for kind in ("pdf", "svg", "png", "csv"):
        assert (tmp_path / "one" / f"ages.{kind}").read_bytes() == (tmp_path / "two" / f"ages.{kind}").read_bytes(), (
            kind
        )


def test_a_drawing_has_its_size_on_a_screen(figure):
    drawing = Drawing("example", "scatter", "what it shows", figure, pd.DataFrame())

    assert drawing.size_px[0] == round(84 / 25.4 * 96)
    assert drawing.picture == Picture("example", "scatter", "what it shows", drawing.size_px)
