"""Tests of the command `view`: display of one scan, rejected input, and interruption."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from functools import partial

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import SEGMENTS
from ctpop.stages.review import scan_contents, view
from ctpop.stages.review.scan_contents import shown_scan
from support.reviewing import ReviewStudy
from support.studies import REPO


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    study = ReviewStudy(tmp_path_factory.mktemp("view"), scans=2).write()
    study.measure()
    config = {"study": {"registry": "registry.csv", "banner": "synthetic"}}
    (study.results / "provenance.json").write_text(json.dumps({"config": config}))
    return study


@pytest.fixture
def study(measured, tmp_path):
    shutil.copytree(measured.folder, tmp_path, dirs_exist_ok=True)
    return ReviewStudy(tmp_path, scans=2)


def error_of(capsys, *words):
    """Return the error message of the command."""
    assert main(["view", *map(str, words)]) == 1
    return capsys.readouterr().err


def test_the_content_of_a_scan_is_its_ct_mask_and_structure_positions(measured):
    shown = shown_scan(measured.results, "scan-001")

    assert shown.ct == measured.folder / "ct" / "scan-001.nii.gz"
    assert shown.mask == measured.results / "masks" / "scan-001.nii.gz"
    assert shown.labels == {"spleen": 1, "liver": 2, "lung_left": 3}
    # voxels from (24, 6, 6) to (39, 25, 19), end exclusive; spacing 3 x 4 x 5 mm; origin (-30, -20, 100)
    assert shown.centers_mm["liver"] == pytest.approx([-30 + 3 * 31, -20 + 4 * 15, 100 + 5 * 12])


def test_only_the_page_its_scripts_and_the_two_images_are_served(measured):
    contents = view.contents_of(shown_scan(measured.results, "scan-001"), "liver", "synthetic")

    assert set(contents) == {"", "viewer.js", "viewer.css", "niivue.js", "scan.json", "ct.nii.gz", "mask.nii.gz"}
    scan = json.loads(contents["scan.json"].source)
    assert (scan["scan"], scan["chosen"], scan["banner"]) == ("scan-001", "liver", "synthetic")
    assert scan["files"] == {"ct": "ct.nii.gz", "mask": "mask.nii.gz"}


def test_structures_have_the_names_of_the_label_set_of_the_study(study):
    provenance = study.results / "provenance.json"
    assert scan_contents.names_in(study.results) == {}

    rows = "label,structure,name,side,group,lower_bound_ml\n2,liver,hepar,,abdomen,\n"
    (study.folder / "named.csv").write_text(rows)
    provenance.write_text(json.dumps({"config": {"structures": "named.csv"}}))
    assert scan_contents.names_in(study.results)["liver"].name == "hepar"

    provenance.write_text(json.dumps({"config": {"structures": "total_117"}}))
    assert scan_contents.names_in(study.results)["hip_left"].name == "left hip bone"


def test_an_uncompressed_image_is_served_with_its_suffix(study):
    ct = study.folder / "ct" / "scan-001.nii"
    ct.write_bytes(b"")
    study.registry.write_text(study.registry.read_text().replace("scan-001.nii.gz", "scan-001.nii"))

    assert "ct.nii" in view.contents_of(shown_scan(study.results, "scan-001"), None, "")


def test_a_niivue_bundle_with_another_checksum_is_rejected(monkeypatch, tmp_path):
    assert view.checked_niivue().stat().st_size < 5_000_000

    for path in view.NIIVUE.iterdir():
        shutil.copy(path, tmp_path)
    with (tmp_path / "niivue.umd.js").open("a") as file:
        file.write("//")
    monkeypatch.setattr(view, "NIIVUE", tmp_path)
    with pytest.raises(view.ContractError, match=r"the checksum differs from the one in README\.md"):
        view.checked_niivue()


def test_an_unknown_scan_is_reported_with_the_most_similar_name(study, capsys):
    assert "scan 'scan-0001' is not among the 2 scans; did you mean scan-001?" in error_of(
        capsys, "scan-0001", "--study", study.results
    )


@pytest.mark.parametrize("scan_id", ["../../etc/passwd", "..", "", "scan-001/../scan-002", "scan-001.nii.gz"])
def test_a_scan_cannot_be_a_path(study, capsys, scan_id):
    assert "is not among the 2 scans" in error_of(capsys, scan_id, "--study", study.results)


def test_a_scan_without_a_label_map_is_reported_with_the_reason(study, capsys):
    segments = pd.read_parquet(study.table("segments"))
    segments.loc[0, ["status", "mask_path", "mask_sha256", "detail"]] = ["unreadable", None, None, "cut short"]
    SEGMENTS.write(segments, study.table("segments"))

    assert "scan scan-001 has no label map: unreadable (cut short)" in error_of(
        capsys, "scan-001", "--study", study.results
    )


def test_a_link_to_a_mask_outside_the_study_is_not_served(study, capsys):
    mask = study.results / "masks" / "scan-001.nii.gz"
    elsewhere = study.folder / "elsewhere.nii.gz"
    mask.rename(elsewhere)
    mask.symlink_to(elsewhere)

    assert "not a file in" in error_of(capsys, "scan-001", "--study", study.results)


@pytest.mark.parametrize(
    ("ct", "message"),
    [
        ("", "has no ct_path"),
        ("ct/absent.nii.gz", "is missing or is not a NIfTI file"),
        ("registry.csv", "is missing or is not a NIfTI file"),
    ],
)
def test_a_scan_without_a_ct_is_not_shown(study, capsys, ct, message):
    study.registry.write_text(study.registry.read_text().replace("ct/scan-001.nii.gz", ct))

    assert message in error_of(capsys, "scan-001", "--study", study.results)


def test_other_errors_are_reported(study, capsys):
    assert "the folder contains no segmented study" in error_of(capsys, "scan-001", "--study", study.folder)
    assert "the label map of scan-001 does not contain heart; it contains liver, lung_left, spleen" in error_of(
        capsys, "scan-001", "--study", study.results, "--structure", "heart"
    )
    (study.results / "provenance.json").unlink()
    assert "specify it with --registry" in error_of(capsys, "scan-001", "--study", study.results)
    assert shown_scan(study.results, "scan-001", study.registry).ct.is_file()


def test_a_registry_with_other_column_names_is_read_with_the_settings_of_the_study(study):
    text = study.registry.read_text().replace("scan_id", "Accession", 1).replace("ct_path", "Volume", 1)
    study.registry.write_text(text)
    provenance = json.loads((study.results / "provenance.json").read_text())
    provenance["config"]["cohort"] = {"columns": {"Accession": "scan_id", "Volume": "ct_path"}}
    (study.results / "provenance.json").write_text(json.dumps(provenance))

    assert shown_scan(study.results, "scan-001").ct == (study.folder / "ct" / "scan-001.nii.gz").resolve()


def test_the_server_runs_until_interrupted_and_its_log_does_not_contain_the_url(measured):
    command = [sys.executable, "-m", "ctpop", "view", "scan-001", "--study", str(measured.results)]
    environment = {**os.environ, "PYTHONPATH": str(REPO / "workflow")}
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # background processes of a shell ignore SIGINT
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed
    )
    try:
        address = running.stdout.readline().strip()
        with urllib.request.urlopen(f"{address}mask.nii.gz", timeout=30) as answer:
            assert answer.read() == (measured.results / "masks" / "scan-001.nii.gz").read_bytes()
    finally:
        running.send_signal(signal.SIGINT)
        _, log = running.communicate(timeout=30)

    assert running.returncode == 0
    assert "stopped" in log
    assert address.split("/")[3] not in log
    assert "Traceback" not in log
