"""CT and masks of one scan in a browser, on this machine alone: `ctpop view SCAN_ID --study results/demo`.

NiiVue, which comes with this package, draws them; nothing is fetched from a network. The server answers to a random
address until it is stopped with Ctrl-C.
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
    """Return everything that the page of a scan consists of, by name.

    Raises
    ------
    ContractError
        If the structure is none of the label map, or NiiVue is not what this version was made with.

    """
    if structure is not None and structure not in shown.labels:
        raise ContractError(
            f"--structure: the label map of {shown.scan_id} has no {structure}: {', '.join(shown.labels)}"
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
            {"name": name, "text": structure_text(name), "label": label, "centre_mm": shown.centres_mm.get(name)}
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
    """Return the images of a scan by the name they are served under."""
    return [("ct", shown.ct), ("mask", shown.mask)]


def checked_niivue() -> Path:
    """Return the bundle of NiiVue, refused unless it has the checksum that stands beside it."""
    place, note = NIIVUE / "niivue.umd.js", (NIIVUE / "README.md").read_text(encoding="utf-8")
    expected = re.findall(r"`([0-9a-f]{64})`", note)
    if [digests.of_file(place)] != expected:
        raise ContractError(f"{place}: is not the file whose checksum is in README.md beside it; fetch it anew")
    return place


def banner_of(study: Path) -> str:
    """Return the words that stand on every page of a study, or nothing where its provenance tells none."""
    try:
        config: dict[str, Any] = json.loads((study / "provenance.json").read_text(encoding="utf-8"))["config"]
        return str(config["study"].get("banner", ""))
    except (OSError, ValueError, KeyError):
        return ""


@dataclass(frozen=True)
class ViewOptions:
    """Options of the command `view`; `ctpop view --help` explains them."""

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
        raise ContractError(f"--port: {options.port} cannot be used here ({error.strerror})") from None
    with server:
        sys.stdout.write(f"{server.address}\n")
        sys.stdout.flush()
        LOG.info("%s: open the address above in a browser on this machine; stop with Ctrl-C", shown.scan_id)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            LOG.info("stopped")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("scan_id", metavar="SCAN_ID", help="the scan to look at")
    parser.add_argument("--study", type=Path, required=True, help="folder of the results, as results/demo")
    parser.add_argument("--structure", help="begin at the centre of this structure")
    parser.add_argument("--registry", type=Path, help="CSV of the scans (default: the one that the study was run with)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
