"""The RO-Crate of a run, created by the workflow and validated with roc-validator."""

import json
import subprocess
from datetime import datetime

import pandas as pd
import pytest
from rocrate import vocabs

from support.studies import REPO

VALIDATOR = REPO / ".crate-check" / "bin" / "python"
# RO-Crate 1.1 uses other addresses for these terms than 1.3, whose terms rocrate contains.
TERMS_OF_1_1 = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}
needs_validator = pytest.mark.skipif(
    not VALIDATOR.with_name("rocrate-validator").is_file(), reason="no roc-validator; `make crate-check` installs it"
)


def validated(crate, folder):
    """Return the exit code and the output of the validator."""
    context = folder / "context.jsonld"
    context.write_text(json.dumps({"@context": {**vocabs.RO_CRATE["@context"], **TERMS_OF_1_1}}))
    command = [str(VALIDATOR), str(REPO / "tests" / "crate" / "check.py"), str(crate), str(context)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@needs_validator
def test_the_record_of_the_demo_meets_every_requirement_of_the_profile(demo, tmp_path):
    code, told = validated(demo.results, tmp_path)

    assert (code, told.strip().splitlines()[-1]) == (0, "63 checks"), told


@needs_validator
def test_the_validator_sees_what_is_missing(demo, tmp_path):
    metadata = json.loads((demo.results / "ro-crate-metadata.json").read_text())
    kept = [entity for entity in metadata["@graph"] if entity["@id"] != "#run"]
    crate = tmp_path / "crate"
    (crate / "code").mkdir(parents=True)
    (crate / "code" / "Snakefile").write_text("rule all:\n")
    (crate / "ro-crate-metadata.json").write_text(json.dumps({**metadata, "@graph": kept}))

    code, told = validated(crate, tmp_path)

    assert code == 1
    assert "mainEntity as its instrument" in told


def test_the_record_lists_every_table_and_figure_and_nothing_of_a_person(demo):
    text = (demo.results / "ro-crate-metadata.json").read_text()
    entities = {entity["@id"]: entity for entity in json.loads(text)["@graph"]}
    files = [path for folder in ("tables", "figures", "report") for path in (demo.results / folder).glob("*.*")]
    cohort = pd.read_parquet(demo.results / "tables" / "cohort.parquet")

    assert len(files) > 100
    assert {path.relative_to(demo.results).as_posix() for path in files} <= set(entities)
    assert [scan for scan in (*cohort["scan_id"], *cohort["patient_id"]) if scan in text] == []
    assert str(demo.folder) not in text
    assert str(REPO) not in text
    run = entities["#run"]
    began, ended = (datetime.fromisoformat(run[key]) for key in ("startTime", "endTime"))
    assert 1 < (ended - began).total_seconds() < 3600
    assert entities["#input-registry"]["sha256"] == entities["#input-registry"]["sha256"].lower()
    assert entities["#input-images_and_models"]["description"].startswith("images and models")
