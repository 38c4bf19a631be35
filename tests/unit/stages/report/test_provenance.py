"""Tests of the provenance of a study: reproducible checksums of its inputs and versions of all packages."""

import hashlib
import re
import tomllib
from pathlib import Path

import pandas as pd

from ctpop.foundation.files import write_text
from ctpop.imaging.label_map_store import LabelMapNote
from ctpop.stages.report import input_digests, provenance
from ctpop.study import configuration

ROOT = Path(__file__).parents[4]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def configured(folder, start_from="images", **sections):
    study = {"name": "made_up", "registry": str(folder / "registry.csv"), "start_from": start_from}
    return configuration.validated({"study": study, "structures": "demo", "segment": {"model": "demo"}, **sections})


def test_every_input_in_the_configuration_is_recorded_with_name_and_checksum(tmp_path):
    for name in ("registry", "review", "references"):
        (tmp_path / f"{name}.csv").write_text(name)
    evaluation = {"reference": str(tmp_path / "references.csv")}
    config = configured(tmp_path, screen={"review": str(tmp_path / "review.csv")}, evaluate=evaluation)

    found = input_digests.files_of(config)

    assert set(found) == {"registry", "review", "references", "structures", "groups", "published_results"}
    for name in ("registry", "review", "references"):
        assert found[name] == {"name": f"{name}.csv", "files": 1, "sha256": sha256(name)}


def test_a_missing_input_has_no_checksum(tmp_path):
    assert input_digests.files_of(configured(tmp_path))["registry"] == {
        "name": "registry.csv",
        "files": 0,
        "sha256": None,
    }


def test_the_checksum_of_a_folder_is_computed_from_the_names_and_checksums_of_its_files(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.json").write_text("two")
    (tmp_path / "1.json").write_text("one")

    lines = f"1.json {sha256('one')}\nb/2.json {sha256('two')}\n"
    assert input_digests.described(tmp_path) == {"name": tmp_path.name, "files": 2, "sha256": sha256(lines)}


def test_the_checksum_of_images_does_not_depend_on_the_order_of_scans(tmp_path):
    for scan, mark in (("s1", "b"), ("s2", "a")):
        note = LabelMapNote(fingerprint=mark * 64, mask_sha256=mark * 64, labels={})
        text = pd.Series(vars(note)).to_json()
        write_text(text, tmp_path / f"{scan}.json")
    segments = pd.DataFrame(
        {
            "scan_id": ["s1", "s2", "s3"],
            "status": ["segmented", "segmented", "unreadable"],
            "mask_sha256": ["b" * 64, "a" * 64, None],
        }
    )

    found = input_digests.images_of(segments, tmp_path)

    both = {"name": tmp_path.name, "files": 2, "sha256": sha256("a" * 64 + "\n" + "b" * 64 + "\n")}
    assert found == {"label_maps": both, "images_and_models": both}
    assert input_digests.images_of(segments[::-1], tmp_path) == found


def test_all_packages_required_by_the_project_are_recorded():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert {*provenance.PACKAGES, "argcomplete"} == {re.split("[<>=]", line)[0] for line in project["dependencies"]}
    assert "not installed" not in {provenance.package_version(name) for name in provenance.PACKAGES}


def test_a_program_without_a_repository_has_neither_commit_nor_changes(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "PACKAGE_FOLDER", tmp_path)

    assert provenance.git_commit() is None
    assert provenance.git_changed() is None
