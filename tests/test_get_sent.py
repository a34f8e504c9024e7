"""``reactor get``: what is sent, as whom, and whom it believes."""

from __future__ import annotations

import ssl

import fetching
import pytest
import trustme
from fetching import BIG, answer, files

get = fetching.get
serve_by = fetching.serve_by


# --- what is sent --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "line", "fields", "body"),
    [
        (["-d", "a=1"], "POST", ["Content-Type: application/x-www-form-urlencoded"], "a=1"),
        (["-d", "a=1", "-d", "b=@x"], "POST", ["Content-Length: 8"], "a=1&b=@x"),
        (["-d", "@data"], "POST", ["Content-Length: 7"], "content"),
        (["-d", "x", "-X", "PATCH"], "PATCH", [], "x"),
        (["-d", "x", "-H", "content-type: a/b"], "POST", ["content-type: a/b"], "x"),
        (["--json-data", "{}"], "POST", ["Content-Type: application/json"], "{}"),
        (["-T", "data"], "PUT", ["Content-Length: 7"], "content"),
        (["-X", "DELETE"], "DELETE", [], ""),
        (["-H", "User-Agent: mine"], "GET", ["User-Agent: mine"], ""),
        (["-H", "Host: other"], "GET", ["Host: other"], ""),
        (["-u", "me:a:b"], "GET", ["Authorization: Basic bWU6YTpi"], ""),
    ],
)
def test_what_is_sent(get, serve_by, arguments, line, fields, body):
    server = serve_by(lambda path, head: answer())
    (get.out / "data").write_text("content")
    get(*arguments, "-o", "/dev/null", f"{server.url}page")
    head, _, sent = server.asked[0].partition("\r\n\r\n")
    assert head.startswith(f"{line} /page HTTP/1.1\r\n")
    lines = head.split("\r\n")
    assert set(fields) <= set(lines)
    names = [field.partition(":")[0].lower() for field in lines[1:]]
    assert len(names) == len(set(names))
    assert sent == body


def test_netrc(get, serve_by, monkeypatch, tmp_path):
    server = serve_by(lambda path, head: answer())
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hush\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    get("-n", "-o", "/dev/null", f"{server.url}page")
    assert "Authorization: Basic bWU6aHVzaA==" in server.asked[0]
    netrc.write_text('machine 127.0.0.1 password "hush\n')
    _, stderr = get("-n", f"{server.url}page", code=1)
    assert "hush" not in stderr
    # As curl: a file that is not there names nobody; one that cannot be read is an error.
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    get("-n", "-o", "/dev/null", f"{server.url}page")
    assert "Authorization" not in server.asked[-1]
    monkeypatch.setenv("NETRC", str(tmp_path))
    get("-n", f"{server.url}page", code=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-d", "a", "-T", "x", "http://a/"],
        ["-I", "-d", "a", "http://a/"],
        ["-o", "-", "--json", "http://a/"],
        ["--sha256", "0" * 64, "http://a/", "http://b/"],
        ["-o", "x", "-i", "list"],
        ["-H", "no colon", "http://a/"],
        ["-H", "A: b\r\nEvil: c", "http://a/"],
        ["-P", "0", "http://a/"],
        ["-P", "9999", "http://a/"],
        ["--retry", "-1", "http://a/"],
        ["--max-time", "0", "http://a/"],
        ["--max-time", "nan", "http://a/"],
    ],
)
def test_options_that_cannot_be(get, arguments):
    _, stderr = get(*arguments, code=2)
    assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["-d", "@none", "http://a/"],
        ["-i", "none"],
        ["-T", "none", "http://a/"],
        ["--cacert", "none", "https://a/"],
    ],
)
def test_files_that_are_not_there(get, arguments):
    _, stderr = get(*arguments, code=1)
    assert "cannot read none: " in stderr


@pytest.mark.parametrize("arguments", [["-d", "@-"], ["--json-data", "@-"], ["-T", "-"]])
def test_stdin_is_closed(get, monkeypatch, arguments):
    monkeypatch.setattr("sys.stdin", None)
    _, stderr = get(*arguments, "http://127.0.0.1:1/", code=1)
    assert stderr.endswith("-: stdin is closed\n")


@pytest.mark.parametrize("field", ["Content-Length: 1", "transfer-encoding: chunked"])
def test_a_body_is_framed_in_one_way(get, field):
    _, stderr = get("-d", "xyz", "-H", field, "http://127.0.0.1:1/", code=3)
    assert "Content-Length and Transfer-Encoding follow from the body" in stderr


# --- where it is saved ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["text", "."])
def test_certificates_that_are_none_are_said_once(get, tmp_path, name):
    (get.out / "text").write_text("no certificate")
    _, stderr = get("--cacert", name, "https://a/1", "https://a/2", code=1)
    assert stderr.count("\n") == 1
    assert f"cannot read {name}: " in stderr


# --- whom it believes ----------------------------------------------------------------------------


def test_certificates(get, serve_by, tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    def respond(path, head):
        # Closed with a close_notify: the client may not take anything else for an end.
        return lambda client: (client.sendall(answer(BIG)), client.unwrap())

    server = serve_by(respond, context)
    _, stderr = get("-q", f"{server.url}page", code=60)
    assert "--cacert" in stderr
    assert files(get.out) == []
    assert get("-q", "--cacert", tmp_path / "ca.pem", f"{server.url}page") == ("", "")
    _, stderr = get("-q", "-k", f"{server.url}page")
    assert stderr.startswith("reactor: WARNING: --insecure: ")
    assert {(get.out / name).read_bytes() for name in files(get.out)} == {BIG}
    assert files(get.out) == ["page", "page.1"]
