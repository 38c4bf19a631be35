"""Tests of the RO-Crate of a run: required properties of the profile, and no scan IDs or paths of this machine.

`tests/workflow/test_crate.py` runs the validator; these tests cover the MUST requirements of the profile.
"""

import json
import os
import re

import pytest

from ctpop.cli import main

STAMP = 1_700_000_000  # 2023-11-14T22:13:20 UTC
SCAN = "scan-of-jane-doe"
SOURCES = {
    "ctpop": "0.1.0",
    "git_commit": "f" * 40,
    "git_changed": False,
    "python": "3.11.7",
    "packages": {"numpy": "2.4.6", "torch": "not installed"},
    "models": [{"name": "made_up 0123456789ab", "sha256": "1" * 64, "step_size": 0.5}],
    "inputs": {
        "registry": {"name": "registry.csv", "files": 1, "sha256": "a" * 64},
        "review": {"name": "review.csv", "files": 0, "sha256": None},
        "label_maps": {"name": "masks", "files": 35, "sha256": "b" * 64},
    },
    "counts": {"cohort": 35, "usable_volume_ml": 600},
    "config": {"study": {"name": "made_up"}},
}


def written(folder, **study):
    """Write a finished study and return the arguments of the command."""
    results = folder / "results" / "made_up"
    sources = {**SOURCES, "config": {"study": {"name": "made_up", **study}}}
    for place in (
        *("tables/flow.csv", "tables/measures.parquet", "figures/flow.svg", "report/index.html", "report/a b.html"),
        *(
            f"report/review/images/{SCAN}.jpg",
            f"masks/{SCAN}.nii.gz",
            f"logs/{SCAN}.log",
            "tables/.flow.csv.host.7.part",
        ),
    ):
        (results / place).parent.mkdir(parents=True, exist_ok=True)
        (results / place).write_text(place)
    (results / "provenance.json").write_text(json.dumps(sources))
    for name, seconds, ended in (
        ("cohort", 10, STAMP),
        ("segment/1-of-1", 300, STAMP + 200),
        ("report", 5, STAMP + 90),
    ):
        path = results / "benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")
        os.utime(path, (ended, ended))
    rules = folder / "workflow" / "rules"
    rules.mkdir(parents=True, exist_ok=True)
    (folder / "Snakefile").write_text('include: "workflow/rules/cohort.smk"\n')
    (rules / "cohort.smk").write_text("rule cohort:\n")
    return [
        *("crate", "--study", str(results), "--snakemake", "9.27.1"),
        *("--workflow", f"Snakefile={folder / 'Snakefile'}", f"workflow/rules/cohort.smk={rules / 'cohort.smk'}"),
    ]


def crate_of(folder, **study):
    """Run the command and return the entities by their ID."""
    assert main(written(folder, **study)) == 0
    metadata = json.loads((folder / "results" / "made_up" / "ro-crate-metadata.json").read_text())
    return {entity["@id"]: entity for entity in metadata["@graph"]}


def ids(value):
    return [part["@id"] for part in (value if isinstance(value, list) else [value])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("crate")


@pytest.fixture(scope="module")
def crate(folder):
    return crate_of(folder)


def test_the_profiles_and_their_base_version_are_named(crate):
    profiles = ids(crate["./"]["conformsTo"])

    assert {"https://w3id.org/ro/wfrun/process/0.5", "https://w3id.org/ro/wfrun/workflow/0.5"} < set(profiles)
    assert {crate[profile]["@type"] for profile in profiles} == {"CreativeWork"}
    assert ids(crate["ro-crate-metadata.json"]["conformsTo"])[0] == "https://w3id.org/ro/crate/1.1"


def test_the_workflow_is_a_file_of_the_folder_and_the_instrument_of_the_run(crate, folder):
    [workflow] = ids(crate["./"]["mainEntity"])
    [run] = ids(crate["./"]["mentions"])

    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow"} == set(crate[workflow]["@type"])
    assert (folder / "results" / "made_up" / workflow).read_bytes() == (folder / "Snakefile").read_bytes()
    assert ids(crate[workflow]["hasPart"]) == ["code/workflow/rules/cohort.smk"]
    language = crate[ids(crate[workflow]["programmingLanguage"])[0]]
    assert (language["@type"], language["name"], language["version"]) == ("ComputerLanguage", "Snakemake", "9.27.1")
    assert crate[run]["@type"] == "CreateAction"
    assert ids(crate[run]["instrument"]) == [workflow]


def test_the_run_starts_with_its_first_job_and_ends_with_its_last_job(crate):
    assert crate["#run"]["startTime"] == "2023-11-14T22:11:40+00:00"  # 300 s before the end of the segmentation
    assert crate["#run"]["endTime"] == "2023-11-14T22:16:40+00:00" == crate["./"]["datePublished"]


def test_files_are_listed_with_checksums_and_folders_with_scan_names_as_a_whole(crate, folder):
    parts = set(ids(crate["./"]["hasPart"]))

    assert parts == {
        *("provenance.json", "code/Snakefile", "code/workflow/rules/cohort.smk"),
        *("tables/flow.csv", "tables/measures.parquet", "figures/flow.svg", "report/index.html", "report/a%20b.html"),
        *("report/review/", "masks/"),
    }
    assert crate["tables/flow.csv"]["contentSize"] == str(len("tables/flow.csv"))
    assert re.fullmatch("[0-9a-f]{64}", crate["tables/flow.csv"]["sha256"])
    assert set(ids(crate["#run"]["result"])) == {part for part in parts if not part.startswith("code/")}


def test_inputs_are_named_with_their_checksums_and_are_not_part_of_the_folder(crate):
    inputs = [crate[part] for part in ids(crate["#run"]["object"])]

    assert {entity["@type"] for entity in inputs} == {"CreativeWork"}
    assert crate["#input-registry"]["sha256"] == "a" * 64
    assert "sha256" not in crate["#input-review"]
    assert "(35 files)" in crate["#input-label_maps"]["description"]
    assert crate["#model-1"]["sha256"] == "1" * 64


def test_installed_packages_are_named_with_their_versions(crate):
    needed = [crate[package] for package in ids(crate["code/Snakefile"]["softwareRequirements"])]

    assert {(package["name"], package["version"]) for package in needed} == {("Python", "3.11.7"), ("numpy", "2.4.6")}


def test_the_metadata_contain_no_scan_ids_or_paths_of_this_machine(folder, crate):
    text = (folder / "results" / "made_up" / "ro-crate-metadata.json").read_text()

    assert len(crate) > 20
    assert SCAN not in text
    assert str(folder) not in text
    assert not re.search(r'"/', text)


def test_license_and_author_are_those_of_the_configuration(crate, tmp_path):
    orcid, uri = "https://orcid.org/0000-0002-1825-0097", "https://creativecommons.org/licenses/by/4.0/"
    named = crate_of(tmp_path, author="J. Carberry", orcid=orcid, license=uri)

    assert ids(named["./"]["author"]) == ids(named["#run"]["agent"]) == [orcid]
    assert named[orcid] == {"@id": orcid, "@type": "Person", "name": "J. Carberry"}
    assert ids(named["./"]["license"]) == [uri]
    assert "no license is granted" in crate[ids(crate["./"]["license"])[0]]["name"]
    assert "author" not in crate["./"]
    assert "agent" not in crate["#run"]


def test_the_same_run_is_recorded_in_the_same_bytes(folder, crate):
    path = folder / "results" / "made_up" / "ro-crate-metadata.json"
    first = path.read_bytes()

    assert crate_of(folder) == crate
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("absent", "message"),
    [("provenance.json", "create the report first"), ("benchmarks", "the folder contains no benchmarks")],
)
def test_an_unfinished_study_is_rejected(tmp_path, capsys, absent, message):
    arguments = written(tmp_path)
    (tmp_path / "results" / "made_up" / absent).rename(tmp_path / "elsewhere")

    assert main(arguments) == 1
    assert message in capsys.readouterr().err
