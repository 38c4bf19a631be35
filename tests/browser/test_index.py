"""Tests of the report in a real browser: navigation, sorting, filtering, accessibility, and printing."""

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.study.label_sets import LabelSet
from support import study_tables, volumes
from support.reported import written

NAMED = volumes.label_set("liver", "kidney_left", "kidney_right", "vertebrae_L1")
LABELS = LabelSet("made_up", NAMED.table.assign(lower_bound_ml=[20.0, np.nan, 5.0, np.nan]))
ALL = "#all-structures"
PHONE = {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Report of a synthetic study of 60 patients, written by the command."""
    folder = tmp_path_factory.mktemp("index")
    patients = study_tables.registry(60)
    arguments = written(folder, patients, LABELS, failed={"s0010": "unreadable"}, banner="synthetic")
    assert main([*arguments, "--jobs", "1"]) == 0
    return folder


@pytest.fixture
def index(study, page):
    """Index page of the study, opened from disk, with its recorded requests."""
    page.requests = []
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto((study / "report" / "index.html").as_uri())
    page.wait_for_selector("body[data-ready]")
    return page


def column(page, number, table=ALL):
    """Return the text of a column (1: names) in the visible rows."""
    return page.eval_on_selector_all(
        f"{table} tbody tr", f"rows => rows.map(row => row.cells[{number - 1}].textContent)"
    )


def heading(page, number, table=ALL):
    return page.locator(f"{table} thead th >> nth={number - 1}")


def sort(page, number, direction, table=ALL):
    """Click on a header and wait until the table is sorted; a direction of None means the original order."""
    heading(page, number, table).click()
    wait_until_sorted(page, number, direction, table)


def wait_until_sorted(page, number, direction, table=ALL):
    state = f"[aria-sort={direction}]" if direction else ":not([aria-sort])"
    page.wait_for_selector(f"{table} thead th:nth-child({number}){state}")


def load_images(page):
    """Load all images, including those outside the viewport, as a browser does before printing."""
    page.evaluate("Promise.all([...document.images].map(image => { image.loading = 'eager'; return image.decode(); }))")


def rho_of(study):
    table = pd.read_parquet(study / "tables" / "associations.parquet").query("family == 'structures'")
    return table["rho"]


def test_no_request_leaves_the_folder_of_the_study(study, index):
    load_images(index)
    index.click(f"{ALL} tbody a >> nth=0")
    index.wait_for_selector("body[data-ready]")

    assert len(index.requests) > 15
    assert [url for url in index.requests if not url.startswith((study.as_uri(), "data:"))] == []


def test_a_click_sorts_by_the_number_and_not_by_its_text(study, index):
    sort(index, 5, "descending")
    falling = [float(text.replace("−", "-")) for text in column(index, 5)]
    sort(index, 5, "ascending")
    rising = [float(text.replace("−", "-")) for text in column(index, 5)]

    assert falling == sorted((round(rho, 2) for rho in rho_of(study)), reverse=True)
    assert rising == falling[::-1]
    sort(index, 5, None)
    strongest = [abs(float(text.replace("−", "-"))) for text in column(index, 5)]
    assert strongest == sorted(strongest, reverse=True)  # original order


def test_p_values_that_are_printed_alike_are_sorted_by_their_logarithm(index):
    sort(index, 9, "descending")
    sort(index, 9, "ascending")
    logarithms = [float(text.replace("−", "-")) for text in column(index, 10)]

    assert column(index, 9).count("<.0001") > 1
    assert logarithms == sorted(logarithms)


def test_missing_numbers_come_last_in_both_directions(index):
    table = "section#screening table"
    sort(index, 2, "descending", table)
    falling = column(index, 2, table)
    sort(index, 2, "ascending", table)
    rising = column(index, 2, table)

    assert falling == ["20", "5.0", "–", "–"]
    assert rising == ["5.0", "20", "–", "–"]


def test_rows_are_filtered_by_text_and_by_lists(index):
    status = "#all-structures-filters [role=status]"
    assert index.inner_text(status) == "8 of 8 rows"
    index.fill("#all-structures-filters input", "kidney")
    assert column(index, 1) == [name for name in column(index, 1) if "kidney" in name]
    assert index.inner_text(status) == "4 of 8 rows"
    index.select_option("#all-structures-filters select >> nth=1", "Volume")
    assert sorted(column(index, 1)) == ["Left kidney", "Right kidney"]
    index.click("#all-structures-filters button")
    index.wait_for_selector(f"{status}:text-is('8 of 8 rows')")
    index.select_option("#all-structures-filters select >> nth=2", "yes")
    assert set(column(index, 15)) == {"yes"}


def test_links_lead_from_the_index_to_structures_and_back(index):
    index.fill("#all-structures-filters input", "left kidney")
    index.click(f"{ALL} tbody a >> nth=0")
    index.wait_for_selector("body[data-ready]")
    assert index.inner_text("h1") == "Left kidney"
    index.click("[rel=next]")
    assert index.inner_text("h1") == "Right kidney"
    index.click("[rel=prev]")
    assert index.inner_text("h1") == "Left kidney"
    index.wait_for_function("document.querySelector('figure img').naturalWidth > 100")
    index.click("[rel=up]")
    index.wait_for_selector("body[data-ready]")
    assert index.url.endswith("index.html#associations")


def test_the_page_is_usable_with_the_keyboard_only(index):
    index.keyboard.press("Tab")
    assert index.evaluate("document.activeElement.textContent") == "Skip to main content"
    index.focus("#all-structures-filters input")
    index.keyboard.type("liver")
    assert set(column(index, 1)) == {"Liver"}
    for _ in range(40):
        index.keyboard.press("Tab")
        if index.evaluate("document.activeElement.closest('th')?.cellIndex") == 4:
            break
    index.keyboard.press("Enter")
    wait_until_sorted(index, 5, "descending")
    for _ in range(40):
        index.keyboard.press("Tab")
        if index.evaluate("document.activeElement.matches('tbody a')"):
            break
    index.keyboard.press("Enter")
    index.wait_for_url("**/structures/liver.html")
    assert index.inner_text("h1") == "Liver"


def test_a_screen_reader_finds_names_and_roles(index):
    tree = index.locator("body").aria_snapshot()

    assert 'heading "Aging study made_up" [level=1]' in tree
    assert 'navigation "Contents"' in tree
    assert 'region "Associations with age, table"' in tree
    assert 'searchbox "Search"' in tree
    assert 'combobox "Organ group"' in tree
    assert 'link "Left kidney"' in tree
    nameless = index.evaluate(
        "[...document.querySelectorAll('button, input, select')]"
        ".filter(e => !(e.labels?.length || e.textContent.trim())).length"
    )
    assert nameless == 0
    assert index.evaluate("[...document.images].every(image => image.alt.length > 20)")


@pytest.mark.parametrize("name", ["index.html", "structures/liver.html", "structures/kidneys.html"])
def test_a_phone_scrolls_tables_and_never_the_page(study, page, name):
    page.set_viewport_size(PHONE)
    page.goto((study / "report" / name).as_uri())
    page.wait_for_selector("body[data-ready]")

    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    wider = "[...document.querySelectorAll('.scroll')].filter(region => region.scrollWidth > region.clientWidth).length"
    assert page.evaluate(wider) > 0


def test_the_printed_page_contains_every_row_and_figure(study, index):
    load_images(index)
    index.emulate_media(media="print")

    clipped = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight + 1).length"
    assert index.evaluate(clipped) == 0
    assert len(column(index, 1)) == 8
    assert not index.is_visible("#all-structures-filters")
    assert index.evaluate("[...document.images].every(image => image.getBoundingClientRect().height > 10)")


def test_without_scripts_every_row_is_present_and_filters_are_hidden(study, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((study / "report" / "index.html").as_uri())

    assert page.locator(f"{ALL} tbody tr").count() == 8
    assert not page.is_visible("#all-structures-filters")
    context.close()
