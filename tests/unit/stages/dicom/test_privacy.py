"""Tests of privacy: no output contains identifiers that were planted in headers and in names of files and folders."""

import gzip
import logging
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from ctpop import cli
from support import dicom_files, planted

WORKFLOW = Path(cli.__file__).parents[1]


def ctpop(folder, *arguments):
    """Run a command in a separate process, and return its output."""
    environment = {**os.environ, "PYTHONPATH": str(WORKFLOW)}
    command = [sys.executable, "-m", "ctpop", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """Return a folder of planted DICOM files: valid series, a rejected series, damaged files, and other files."""
    folder = tmp_path_factory.mktemp("hospital")
    files = planted.write_planted(folder / "dicom" / "1", 1)
    planted.write_planted(folder / "dicom" / "2", 2, RescaleIntercept="0")
    home = files[0].parent
    whole = files[0].read_bytes()
    (home / "cut.dcm").write_bytes(whole[:-50])
    (home / "cut2.dcm").write_bytes(whole[:900])
    (home / "bent.dcm").write_bytes(whole[:400] + os.urandom(40) + whole[440:])
    (home / f"{planted.WORD}.txt").write_text(planted.WORD)
    return folder


@pytest.fixture(scope="module")
def printed(hospital):
    """Return the output of the commands."""
    where = hospital / "out"
    where.mkdir()
    common = ["--private", "private"]
    (where / "study.yaml").write_text("dicom: {exclude: []}")
    index = ctpop(where, "index", "../dicom", "--registry", "registry.csv", "--config", "study.yaml", *common)
    again = ctpop(where, "index", "../dicom", "--registry", "registry.csv", "--config", "study.yaml", *common)
    convert = ctpop(
        where, "convert", "--registry", "registry.csv", "--dicom", "../dicom", "--out", "tables/c.parquet", *common
    )
    return index + again + convert


def test_no_output_contains_planted_identifiers(hospital, printed):
    rows = pd.read_parquet(hospital / "out" / "tables" / "c.parquet")
    files = pd.read_csv(hospital / "out" / "registry_files.csv", index_col="status")["n_files"]

    assert sorted(rows["status"]) == ["converted", "not_hu"]
    assert files["ct_image"] >= 24
    assert files["truncated"] >= 1
    assert planted.leaks(hospital / "out", printed) == []


def test_the_search_finds_planted_identifiers(hospital, printed):
    assert len(planted.leaks(hospital / "dicom")) > 100
    assert planted.leaks(hospital / "out", f"x {planted.WORD.lower()} y") == [f"text: {planted.WORD}"]


def test_only_the_link_table_contains_identifiers(hospital, printed, monkeypatch):
    where = hospital / "out"
    monkeypatch.chdir(where)
    assert cli.main(["index", "../dicom", "--registry", "r2.csv", "--private", "private2", "--link"]) == 0

    found = {line.split(": ")[0] for line in planted.leaks(where)}

    assert found == {"private2/link.csv", "private2/link_files.csv"}


def test_errors_do_not_contain_folder_names(tmp_path, monkeypatch, capfd, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    home = tmp_path / planted.WORD
    home.mkdir()
    (home / "a").write_text("x")

    assert cli.main(["index", planted.WORD, "--registry", "r.csv"]) == 1
    assert cli.main(["index", f"{planted.WORD}2", "--registry", "r.csv"]) == 1

    text = "".join([*capfd.readouterr(), caplog.text])
    assert text.count("error in index") == 2
    assert planted.leaks(tmp_path / "ctpop_private", text) == []


def test_compressed_content_is_searched(tmp_path):
    pd.DataFrame({"a": [planted.WORD] * 50}).to_parquet(tmp_path / "a.parquet", compression="zstd")
    (tmp_path / "b.gz").write_bytes(gzip.compress(planted.WORD.encode()))
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as whole:
        whole.writestr("inner", planted.WORD * 3)
    (tmp_path / "d").write_bytes(planted.WORD.encode("utf-16-le"))

    assert {line.split(": ")[0] for line in planted.leaks(tmp_path)} == {"a.parquet", "b.gz", "c.zip", "d"}


def test_all_text_elements_are_planted():
    header = planted.planted_header()
    planted_elements = [
        element for element in header if element.VR in planted.TEXTS and element.keyword not in planted.NEEDED
    ]

    assert len(planted_elements) > 1000
    assert all(planted.WORD in str(element.value) for element in planted_elements)
    assert header.PatientBirthDate == planted.DAY
    assert dicom_files.header().PatientName == "Doe^Jane"
