"""Checksums of the inputs of a study: each file named in the configuration, and all images together."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts.all_tables import USABLE_STATUS
from ctpop.foundation import digests
from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.study import configuration

SHIPPED = {
    "groups": configuration.GROUPS_FILE,
    "published_results": configuration.GROUPS_FILE.with_name("published_results.csv"),
}


def files_of(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the name, number of files, and checksum of each input; the checksum of a deleted file is None."""
    study, named = config["study"], {**SHIPPED, "structures": configuration.label_set_file(config["structures"])}
    if not configuration.patients_in_measures(study):
        named["registry"] = Path(study["registry"])
    named |= {key: Path(study[key]) for key in ("measures", "truth") if key in study}
    if "review" in config["screen"]:
        named["review"] = Path(config["screen"]["review"])
    if Path(config["screen"]["rules"]).is_file():
        named["rules"] = Path(config["screen"]["rules"])
    if "evaluate" in config:
        named["references"] = Path(config["evaluate"]["reference"])
    return {name: described(path) for name, path in sorted(named.items())}


def described(path: Path) -> dict[str, Any]:
    """Return the name of a file or folder without its path, the number of files, and their checksum."""
    if path.is_dir():
        found = sorted(part for part in path.rglob("*") if part.is_file())
        names = [f"{part.relative_to(path).as_posix()} {digests.of_unchanged_file(part)}" for part in found]
        return {"name": path.name, **together(names)}
    return {
        "name": path.name,
        "files": int(path.is_file()),
        "sha256": digests.of_unchanged_file(path) if path.is_file() else None,
    }


def images_of(segments: pd.DataFrame, masks: Path) -> dict[str, dict[str, Any]]:
    """Return the checksum of all label maps and the checksum of their inputs.

    The first is computed over the sorted checksums of the label maps. The second is computed over the sorted
    fingerprints in the store: each is a digest of the checksums of the CT and of the model or existing segmentation,
    and of the settings that affect the label map.
    """
    usable = segments.loc[segments["status"].isin(USABLE_STATUS)]
    notes = [LabelMapStore(masks).note(scan) for scan in usable["scan_id"]]
    return {
        "label_maps": {"name": masks.name, **together(usable["mask_sha256"])},
        "images_and_models": {"name": masks.name, **together(note.fingerprint for note in notes if note)},
    }


def together(found: Iterable[str]) -> dict[str, Any]:
    """Return the number of digests and the digest of their sorted list, one per line."""
    lines = sorted(found)
    return {"files": len(lines), "sha256": digests.of_text("".join(f"{line}\n" for line in lines))}
