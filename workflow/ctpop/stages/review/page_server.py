"""A local server for one page with access restricted to the user who started it.

The server listens on the loopback interface only and serves a fixed set of paths below a random token. It does not
resolve requested names in folders, which prevents path traversal. Requests with another Host header are rejected to
prevent DNS rebinding.
"""

import hmac
import logging
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOG = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
TOKEN_BYTES = 32
WAIT_SECONDS = 30
HEADERS = {
    # NiiVue loads its font and shaders from data and blob URLs, and its Zarr decoders are WebAssembly modules.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data: blob:; connect-src 'self' data: blob:; worker-src blob:; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Content:
    """Content served at a path: text, or a file that is read when it is requested."""

    kind: str
    source: Path | str

    def size(self) -> int:
        """Return the number of bytes."""
        return self.source.stat().st_size if isinstance(self.source, Path) else len(self.source.encode())


class Server(ThreadingHTTPServer):
    """Server of contents by name below a random token on the loopback interface; port 0 selects a free port."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, contents: Mapping[str, Content], port: int = 0) -> None:
        super().__init__((LOOPBACK, port), Handler)
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self.contents = contents
        self.hosts = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}

    @property
    def address(self) -> str:
        """Return the URL of the page."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    def content_at(self, path: str) -> Content | None:
        """Return the content at a path, or None; tokens are compared in constant time."""
        before, token, *names = path.split("/") if "/" in path else ("", "")
        right = hmac.compare_digest(token.encode(), self.token.encode())
        return self.contents.get(names[0]) if right and not before and len(names) == 1 else None


class Handler(BaseHTTPRequestHandler):
    """Handler of GET and HEAD requests; other methods are not implemented."""

    server: Server
    timeout = WAIT_SECONDS

    def do_GET(self) -> None:
        """Send the headers and the content."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send the headers without the content."""
        self._answer(with_body=False)

    def version_string(self) -> str:
        """Return the value of the Server header, without the Python version."""
        return "ctpop"

    def log_message(self, *words: object) -> None:
        """Suppress the request log, because the paths contain the token."""

    def _answer(self, *, with_body: bool) -> None:
        if self.headers.get_all("Host") not in [[host] for host in self.server.hosts]:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        content = self.server.content_at(self.path)
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            self._send(content, with_body=with_body)
        except (BrokenPipeError, ConnectionResetError):
            LOG.info("the browser closed the connection before the end of a file")

    def _send(self, content: Content, *, with_body: bool) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content.kind)
        self.send_header("Content-Length", str(content.size()))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if not with_body:
            return
        if isinstance(content.source, str):
            self.wfile.write(content.source.encode())
            return
        with content.source.open("rb") as file:
            shutil.copyfileobj(file, self.wfile)
