"""Tests that the server rejects requests with another token, host name, path, or method."""

import http.client
import socket
import threading

import pytest

from ctpop.stages.review.page_server import Content, Server

PAGE = "<p>the page</p>"


@pytest.fixture
def server(tmp_path):
    (tmp_path / "ct.nii.gz").write_bytes(b"voxels")
    (tmp_path / "secret.txt").write_text("secret")
    contents = {"": Content("text/html", PAGE), "ct.nii.gz": Content("image/x", tmp_path / "ct.nii.gz")}
    with Server(contents) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def request(server, path, method="GET", host=None, headers=None):
    """Return the status, headers, and body of the response; the path is sent unchanged."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def test_the_address_shows_the_page_and_the_files_below_it(server):
    status, headers, body = request(server, f"/{server.token}/")

    assert (status, body) == (200, PAGE.encode())
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Length"] == str(len(PAGE))
    assert request(server, f"/{server.token}/ct.nii.gz")[2] == b"voxels"
    assert server.address == f"http://127.0.0.1:{server.server_port}/{server.token}/"


def test_every_server_has_its_own_long_token(server):
    with Server({}) as other:
        assert other.token != server.token
    assert len(server.token) >= 43  # 256 bits


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/{token}",
        "/{token}/secret.txt",
        "/{token}/../secret.txt",
        "/{token}/..%2fsecret.txt",
        "/{token}/%2e%2e/%2e%2e/etc/passwd",
        "/{token}/....//secret.txt",
        "/{token}/ct.nii.gz/../../secret.txt",
        "/{token}/ct.nii.gz/",
        "/{token}/ct.nii.gz?x=1",
        "/{token}//ct.nii.gz",
        "/{token}/\\..\\secret.txt",
        "/{token}x/",
        "/x{token}/",
        "/%7B{token}/",
        "*",
        "{token}/",
        "/ct.nii.gz",
        "/../../../../etc/passwd",
        "http://127.0.0.1/{token}/",
        "file:///etc/passwd",
    ],
)
def test_other_paths_are_not_found(server, path):
    status, _, body = request(server, path.replace("{token}", server.token))

    assert status == 404
    assert b"secret" not in body
    assert server.token.encode() not in body


def test_a_path_with_non_ascii_letters_is_not_found(server):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(f"GET /é{server.token}/ HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        assert connection.recv(100).split()[1] == b"404"


def test_a_part_of_the_token_is_not_enough(server):
    assert request(server, f"/{server.token[:-1]}/")[0] == 404
    assert request(server, f"/{server.token.swapcase()}/")[0] == 404


@pytest.mark.parametrize(
    "host", ["", "example.org", "example.org:{port}", "127.0.0.1", "127.0.0.1:{port}.example.org", "[::1]:{port}"]
)
def test_a_request_with_another_host_name_is_rejected_even_with_the_token(server, host):
    status, _, body = request(server, f"/{server.token}/", host=host.replace("{port}", str(server.server_port)))

    assert status == 421
    assert PAGE.encode() not in body


def test_a_request_with_two_host_names_is_rejected(server):
    status, *_ = request(server, f"/{server.token}/", headers={"host": "example.org"})

    assert status == 421


def test_localhost_is_accepted_as_host_name(server):
    assert request(server, f"/{server.token}/", host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_not_implemented(server, method):
    assert request(server, f"/{server.token}/", method=method)[0] == 501


def test_a_response_to_head_has_no_body(server):
    status, headers, body = request(server, f"/{server.token}/ct.nii.gz", method="HEAD")

    assert (status, headers["Content-Length"], body) == (200, "6", b"")


def test_the_server_listens_on_the_loopback_interface_only(server):
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.server_port), timeout=5)


def test_the_server_header_does_not_contain_the_python_version(server):
    for path in ("/", f"/{server.token}/"):
        assert request(server, path)[1]["Server"] == "ctpop"
