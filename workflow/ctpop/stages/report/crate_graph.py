"""A study as linked data: the entities of a Workflow Run RO-Crate.

SOURCE: Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5), which builds on Process Run Crate 0.5, Workflow
RO-Crate 1.0 and RO-Crate 1.1; Leo et al., PLoS ONE 2024;19(9):e0309210.
"""

from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.model.person import Person
from rocrate.rocrate import ROCrate

from ctpop.stages.report.crate_files import CratePart, Times

RO_CRATE = "1.1"  # the version that the profile builds on
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    WORKFLOW_CRATE: ("Workflow RO-Crate", "1.0"),
}
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
SNAKEFILE = "code/Snakefile"
APACHE = "https://spdx.org/licenses/Apache-2.0"
UNLICENSED = "no licence is granted: the authors have named none (study.license)"
PYTHON = "https://www.python.org/"
DONE = "http://schema.org/CompletedActionStatus"
SHA256 = {"sha256": "http://schema.org/sha256"}  # younger than the terms of RO-Crate 1.1
INPUTS = {
    "groups": "groups of structures",
    "images_and_models": "images and models behind the label maps; SHA-256 over the sorted fingerprints of the store",
    "label_maps": "label maps; SHA-256 over the sorted checksums of all of them",
    "measures": "table of measures",
    "published_results": "numbers of the published study",
    "references": "references of the evaluation",
    "registry": "registry of scans",
    "review": "decisions of reviewers",
    "rules": "rules of screening",
    "structures": "label set",
    "truth": "true values of simulated people",
}


def crate_of(sources: dict[str, Any], parts: list[CratePart], times: Times, snakemake: str) -> dict[str, Any]:
    """Return the metadata of a crate: `sources` is the provenance of the study, `parts` are its files and folders."""
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
        "Tables, figures and text of a study of age in CT, and the run of the workflow that made them. Tables of scans"
        " and patients are as private as the registry that they were made from."
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
    changed = ", with changes that are not in it" if sources["git_changed"] else ""
    workflow["name"] = "ctpop"
    workflow["description"] = f"From a registry of CT scans to a checked aging study (ctpop{commit}{changed})"
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
    """Add something that was read from elsewhere: it is not part of the folder, and only named."""
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
