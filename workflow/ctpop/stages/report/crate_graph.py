"""A study as linked data: the entities of a Workflow Run RO-Crate.

SOURCE: Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5), which is based on Process Run Crate 0.5,
Workflow RO-Crate 1.0, and RO-Crate 1.1; Leo et al., PLoS ONE 2024;19(9):e0309210.
"""

from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.model.person import Person
from rocrate.rocrate import ROCrate

from ctpop.stages.report.crate_files import CratePart, Times

RO_CRATE = "1.1"  # version on which the profile is based
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    WORKFLOW_CRATE: ("Workflow RO-Crate", "1.0"),
}
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
SNAKEFILE = "code/Snakefile"
APACHE = "https://spdx.org/licenses/Apache-2.0"
UNLICENSED = "no license is granted: the study file names none (study.license)"
PYTHON = "https://www.python.org/"
DONE = "http://schema.org/CompletedActionStatus"
SHA256 = {"sha256": "http://schema.org/sha256"}  # schema.org added this term after RO-Crate 1.1
INPUTS = {
    "groups": "groups of structures",
    "images_and_models": "images and models of the label maps; SHA-256 of the sorted fingerprints in the store",
    "label_maps": "label maps; SHA-256 of their sorted checksums",
    "measures": "table of measures",
    "published_results": "results of the published study",
    "references": "reference masks of the evaluation",
    "registry": "registry of scans",
    "review": "QC decisions of reviewers",
    "rules": "screening rules",
    "structures": "label set",
    "truth": "ground truth of simulated scans",
}


def crate_of(sources: dict[str, Any], parts: list[CratePart], times: Times, snakemake: str) -> dict[str, Any]:
    """Return the metadata of an RO-Crate from the provenance of the study (`sources`) and its files and folders."""
    crate = ROCrate(version=RO_CRATE)
    study = sources["config"]["study"]
    crate.metadata.extra_terms.update(SHA256)
    crate.metadata["conformsTo"] = [{"@id": f"https://w3id.org/ro/crate/{RO_CRATE}"}, {"@id": WORKFLOW_CRATE}]
    entities = {part.place: _add_part(crate, part) for part in parts if part.place != SNAKEFILE}
    workflow = _add_workflow(crate, sources, next(part for part in parts if part.place == SNAKEFILE), snakemake)
    workflow["hasPart"] = [entity for place, entity in entities.items() if place.startswith("code/")]
    action = _add_action(crate, sources, times, workflow)
    action["result"] = [entity for place, entity in entities.items() if not place.startswith("code/")]
    root = crate.root_dataset
    root["name"] = f"Study {study['name']}{': ' + study['banner'] if 'banner' in study else ''}"
    root["description"] = (
        "Tables, figures, and text of a CT study of aging, and the workflow run that produced them. Tables of scans and"
        " patients are as confidential as the registry from which they were generated."
    )
    root["datePublished"] = times.end.isoformat()
    root["license"] = _add_license(crate, study.get("license"))
    root["conformsTo"] = [_add(crate, uri, "CreativeWork", name=name, version=v) for uri, (name, v) in PROFILES.items()]
    root["mainEntity"] = workflow
    root["mentions"] = action
    if "author" in study:
        who = Person(crate, study.get("orcid", "#author"), properties={"name": study["author"]})
        root["author"] = action["agent"] = crate.add(who)
    metadata: dict[str, Any] = crate.metadata.generate()
    return metadata


def _add_workflow(crate: ROCrate, sources: dict[str, Any], part: CratePart, snakemake: str) -> Entity:
    workflow = crate.add_workflow(
        dest_path=part.place, main=False, lang="snakemake", lang_version=snakemake, properties=_facts(part)
    )
    commit = f", commit {sources['git_commit']}" if sources["git_commit"] else ""
    changed = ", with uncommitted changes" if sources["git_changed"] else ""
    workflow["name"] = "ctpop"
    workflow["description"] = f"Aging study with quality control from a registry of CT scans (ctpop{commit}{changed})"
    workflow["version"] = sources["ctpop"]
    workflow["license"] = _add_license(crate, APACHE)
    workflow["conformsTo"] = _add(
        crate, BIOSCHEMAS, "CreativeWork", name="ComputationalWorkflow profile", version="1.0"
    )
    versions = {"Python": sources["python"], **sources["packages"]}
    workflow["softwareRequirements"] = [
        _add(crate, uri, "SoftwareApplication", name=name, version=version, url=uri)
        for name, version in versions.items()
        for uri in [PYTHON if name == "Python" else f"https://pypi.org/project/{name}/"]
        if version[:1].isdigit()
    ]
    return workflow


def _add_action(crate: ROCrate, sources: dict[str, Any], times: Times, workflow: Entity) -> Entity:
    action = _add(crate, "#run", "CreateAction", name=f"Run of the study {sources['config']['study']['name']}")
    stages = "; ".join(f"{name.replace('_', ' ')}: {n}" for name, n in sources["counts"].items())
    action["description"] = f"Snakemake ran the workflow. {stages}"
    action["instrument"] = workflow
    action["startTime"], action["endTime"] = times.start.isoformat(), times.end.isoformat()
    action["actionStatus"] = DONE
    action["object"] = [
        _add(crate, "#configuration", "CreativeWork", name="configuration", isPartOf={"@id": "provenance.json"}),
        *(_add_input(crate, name, found) for name, found in sources["inputs"].items()),
        *(
            _add(crate, f"#model-{number}", "CreativeWork", name=f"model {model['name']}", **_checksum(model))
            for number, model in enumerate(sources["models"], start=1)
        ),
    ]
    return action


def _add_input(crate: ROCrate, name: str, found: dict[str, Any]) -> Entity:
    """Add an input that is not part of the folder; the crate contains only its name and checksum."""
    words = f"{INPUTS[name]} ({found['files']} files)" if found["files"] > 1 else INPUTS[name]
    return _add(crate, f"#input-{name}", "CreativeWork", name=found["name"], description=words, **_checksum(found))


def _add_part(crate: ROCrate, part: CratePart) -> Entity:
    if part.place.endswith("/"):
        return crate.add_dataset(dest_path=part.place, properties=_facts(part))
    return crate.add_file(dest_path=part.place, properties=_facts(part))


def _add_license(crate: ROCrate, license_: str | None) -> Entity:
    uri = license_ if license_ and license_.startswith("https://") else "#license"
    return _add(crate, uri, "CreativeWork", name=license_ or UNLICENSED)


def _add(crate: ROCrate, uri: str, kind: str, **properties: Any) -> Entity:
    return crate.add(ContextEntity(crate, uri, properties={"@type": kind, **properties}))


def _facts(part: CratePart) -> dict[str, Any]:
    known = {
        "name": part.place,
        "description": part.meaning,
        "contentSize": None if part.bytes is None else str(part.bytes),
        "sha256": part.sha256,
        "encodingFormat": part.kind,
    }
    return {name: value for name, value in known.items() if value is not None}


def _checksum(found: dict[str, Any]) -> dict[str, str]:
    return {"sha256": found["sha256"]} if found["sha256"] else {}
