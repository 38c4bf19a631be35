"""The server answers to its own address alone: another token, name, path or method gets nothing."""

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


def ask(server, path, method="GET", host=None, headers=None):
    """Return status, headers and body of an answer; the path goes out as it is."""
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
    status, headers, body = ask(server, f"/{server.token}/")

    assert (status, body) == (200, PAGE.encode())
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Length"] == str(len(PAGE))
    assert ask(server, f"/{server.token}/ct.nii.gz")[2] == b"voxels"
    assert server.address == f"http://127.0.0.1:{server.server_port}/{server.token}/"


def test_every_server_has_a_long_token_of_its_own(server):
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
def test_no_other_path_has_anything(server, path):
    status, _, body = ask(server, path.replace("{token}", server.token))

    assert status == 404
    assert b"secret" not in body
    assert server.token.encode() not in body


def test_a_path_in_other_letters_has_nothing(server):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(f"GET /é{server.token}/ HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        assert connection.recv(100).split()[1] == b"404"


def test_a_part_of_the_token_is_not_enough(server):
    assert ask(server, f"/{server.token[:-1]}/")[0] == 404
    assert ask(server, f"/{server.token.swapcase()}/")[0] == 404


@pytest.mark.parametrize(
    "host", ["", "example.org", "example.org:{port}", "127.0.0.1", "127.0.0.1:{port}.example.org", "[::1]:{port}"]
)
def test_a_request_under_another_name_is_refused_even_with_the_token(server, host):
    status, _, body = ask(server, f"/{server.token}/", host=host.replace("{port}", str(server.server_port)))

    assert status == 421
    assert PAGE.encode() not in body


def test_two_names_at_once_are_refused(server):
    status, *_ = ask(server, f"/{server.token}/", headers={"host": "example.org"})

    assert status == 421


def test_localhost_is_this_machine_too(server):
    assert ask(server, f"/{server.token}/", host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_nothing_can_be_sent(server, method):
    assert ask(server, f"/{server.token}/", method=method)[0] == 501


def test_a_head_has_no_body(server):
    status, headers, body = ask(server, f"/{server.token}/ct.nii.gz", method="HEAD")

    assert (status, headers["Content-Length"], body) == (200, "6", b"")


def test_nobody_else_on_the_network_can_connect(server):
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.server_port), timeout=5)


def test_it_does_not_tell_what_it_runs_on(server):
    for path in ("/", f"/{server.token}/"):
        assert ask(server, path)[1]["Server"] == "ctpop"
