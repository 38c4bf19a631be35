"""Validate an RO-Crate with roc-validator, without a network.

    .crate-check/bin/python tests/crate/check.py results/demo CONTEXT.jsonld [SEVERITY]

The script runs in a separate environment (`make .crate-check/ready`), because roc-validator requires enum-tools, which
is LGPL, and no module of ctpop imports it. The validator requests the terms of RO-Crate 1.1 from the web; the script
stores CONTEXT.jsonld in its cache instead. It prints one line per violated requirement and then ends with exit code 1.
"""

import io
import sys
import tempfile
from pathlib import Path

import requests
from requests_cache import CachedSession
from rocrate_validator import services
from rocrate_validator.models import ValidationSettings
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "workflow-run-crate"


class OneFile(requests.adapters.BaseAdapter):
    """Return the same JSON-LD for every request."""

    def __init__(self, content):
        super().__init__()
        self.content = content

    def send(self, request, **_):
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url, request
        answer.headers["Content-Type"] = "application/ld+json"
        answer.raw = HTTPResponse(io.BytesIO(self.content), status=200, preload_content=False, request_url=request.url)
        return answer

    def close(self):
        pass


def main(crate, context, severity="REQUIRED"):
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        with CachedSession(cache_name=str(cache), backend="sqlite", expire_after=-1) as session:
            session.mount("https://", OneFile(Path(context).read_bytes()))
            session.get(CONTEXT)
        result = services.validate(
            ValidationSettings(
                rocrate_uri=crate,
                profile_identifier=PROFILE,
                requirement_severity=severity,
                cache_path=cache,
                offline=True,
            )
        )
        for issue in result.get_issues():
            print(f"{issue.severity.name}: {issue.check.identifier}: {issue.violatingEntity}: {issue.message}")
        checks = len(result.executed_checks)
    print(f"{checks} checks")
    return int(result.has_issues() or not checks)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
