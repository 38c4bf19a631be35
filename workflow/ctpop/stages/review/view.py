"""Display of the CT and masks of one scan in a browser on this machine: `ctpop view SCAN_ID --study results/demo`.

The viewer uses the copy of NiiVue in this package and makes no network requests. The server uses a random URL and runs
until it is stopped with Ctrl-C.
"""

import argparse
import json
import logging
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctpop.figures.formatting import named_by, structure_text
from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError
from ctpop.foundation.resources import resource
from ctpop.stages.review.page_server import Content, Server
from ctpop.stages.review.scan_contents import Shown, names_in, shown_scan

LOG = logging.getLogger(__name__)

PAGES = resource("viewer")
NIIVUE = resource("niivue")
SCRIPT = "text/javascript; charset=utf-8"


def contents_of(shown: Shown, structure: str | None, banner: str) -> dict[str, Content]:
    """Return the files and data of the viewer page of a scan by name.

    Raises
    ------
    ContractError
        If the label map does not contain the structure, or the checksum of NiiVue is not the expected one.

    """
    if structure is not None and structure not in shown.labels:
        raise ContractError(
            f"--structure: the label map of {shown.scan_id} does not contain {structure};"
            f" it contains {', '.join(shown.labels)}"
        )
    names = {
        name: f"{name}.nii.gz" if path.suffix.lower() == ".gz" else f"{name}.nii" for name, path in files_of(shown)
    }
    facts = {
        "scan": shown.scan_id,
        "banner": banner,
        "chosen": structure,
        "files": names,
        "structures": [
            {"name": name, "text": structure_text(name), "label": label, "center_mm": shown.centers_mm.get(name)}
            for name, label in sorted(shown.labels.items(), key=lambda item: item[1])
        ],
    }
    return {
        "": Content("text/html; charset=utf-8", PAGES / "viewer.html"),
        "viewer.js": Content(SCRIPT, PAGES / "viewer.js"),
        "viewer.css": Content("text/css; charset=utf-8", PAGES / "viewer.css"),
        "niivue.js": Content(SCRIPT, checked_niivue()),
        "scan.json": Content("application/json", json.dumps(facts)),
        **{names[name]: Content("application/octet-stream", path) for name, path in files_of(shown)},
    }


def files_of(shown: Shown) -> list[tuple[str, Path]]:
    """Return the served names and paths of the images of a scan."""
    return [("ct", shown.ct), ("mask", shown.mask)]


def checked_niivue() -> Path:
    """Return the path of the NiiVue bundle; raise a ContractError if its checksum differs from the one in README.md."""
    place, note = NIIVUE / "niivue.umd.js", (NIIVUE / "README.md").read_text(encoding="utf-8")
    expected = re.findall(r"`([0-9a-f]{64})`", note)
    if [digests.of_file(place)] != expected:
        raise ContractError(
            f"{place}: the checksum differs from the one in README.md of this folder; download the file again"
        )
    return place


def banner_of(study: Path) -> str:
    """Return the banner recorded in the provenance of a study, or an empty string."""
    try:
        config: dict[str, Any] = json.loads((study / "provenance.json").read_text(encoding="utf-8"))["config"]
        return str(config["study"].get("banner", ""))
    except (OSError, ValueError, KeyError):
        return ""


@dataclass(frozen=True)
class ViewOptions:
    """Options of the command `view`; `ctpop view --help` describes them."""

    scan_id: str
    study: Path
    structure: str | None
    registry: Path | None
    port: int


def run(options: ViewOptions) -> None:
    """Serve the scan until Ctrl-C."""
    shown = shown_scan(options.study, options.scan_id, options.registry)
    with named_by(names_in(options.study)):
        contents = contents_of(shown, options.structure, banner_of(options.study))
    try:
        server = Server(contents, options.port)
    except OSError as error:
        raise ContractError(
            f"--port: port {options.port} is not available ({error.strerror}); choose another port"
        ) from None
    with server:
        sys.stdout.write(f"{server.address}\n")
        sys.stdout.flush()
        LOG.info("%s: open the URL above in a browser on this machine; press Ctrl-C to stop", shown.scan_id)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            LOG.info("stopped")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("scan_id", metavar="SCAN_ID", help="ID of the scan")
    parser.add_argument("--study", type=Path, required=True, help="results folder, for example results/demo")
    parser.add_argument("--structure", help="structure at whose center the viewer opens")
    parser.add_argument("--registry", type=Path, help="registry of scans (CSV; default: the registry of the run)")
    parser.add_argument("--port", type=int, default=0, help="port of the server (default: a free port)")
