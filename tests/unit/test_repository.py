"""Tests of the tracked files: they are small, contain no paths of one machine, and include no results."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENDORED = {  # third-party files without changes
    "workflow/ctpop/resources/niivue/niivue.umd.js",
    "workflow/ctpop/resources/datatables/dataTables.min.js",
}
LARGEST_BYTES = 5_000_000
OF_ONE_MACHINE = re.compile(r"(?<![\w.}>/])/(?:home|root|Users|mnt|media|scratch|work|tmp)/[\w.]")


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def tracked_files():
    names = git("ls-files", "--cached", "--others", "--exclude-standard")
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def text_of(path):
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8")


def test_the_listing_has_the_files_that_matter():
    names = {str(path.relative_to(ROOT)) for path in tracked_files()}

    assert {"LICENSE", "CITATION.cff", "config.yaml", "Snakefile", "workflow/ctpop/contracts/all_tables.py"} <= names
    assert not any(name.startswith((".venv/", "results/demo/", ".snakemake/")) for name in names)


def test_no_file_is_too_large_to_clone():
    assert {path.name: path.stat().st_size for path in tracked_files() if path.stat().st_size > LARGEST_BYTES} == {}


def test_a_path_of_one_machine_is_found():
    places = ["/" + "home/me/ct", "see /" + "scratch/x", "='/" + "Users/me'", "(/" + "tmp/a)"]

    assert all(OF_ONE_MACHINE.search(place) for place in places)
    assert not OF_ONE_MACHINE.search("results/home/x and ../scans/y and https://example.org/home/x")


def test_no_text_names_a_path_of_one_machine():
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()[:80]}"
        for path in tracked_files()
        if str(path.relative_to(ROOT)) not in VENDORED
        for line in text_of(path).splitlines()
        if OF_ONE_MACHINE.search(line) or str(ROOT) in line
    ]

    assert found == []


def test_results_are_not_committed_except_their_readme():
    ignored = git("check-ignore", "results/demo/tables/cohort.parquet", "results/README.md", "results/.gitignore")

    assert ignored == ["results/demo/tables/cohort.parquet"]


def test_the_license_is_the_complete_apache_license():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert len(text.splitlines()) == 202


def test_text_files_end_with_one_line_break_and_have_no_carriage_return():
    wrong = [
        name
        for path in tracked_files()
        if (name := str(path.relative_to(ROOT))) not in VENDORED
        and (text := text_of(path))
        and ("\r" in text or not text.endswith("\n") or text.endswith("\n\n"))
    ]

    assert wrong == []
