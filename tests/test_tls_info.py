"""What applications learn of TLS: request.tls, environ SSL_CLIENT_*, ASGI's tls extension."""

from __future__ import annotations

import json
import ssl

import pytest
from pem_files import Pems
from processes import exchange_tls, serving

APPS = """
import json
from reactor import Response

def told(tls):
    client = tls and tls.client
    return tls and {
        "version": tls.version, "cipher": tls.cipher, "environ": tls.environ is not None,
        "client": client and [client.subject, client.issuer, list(map(list, client.names)),
                              client.serial, client.sha256, client.pem[:27]],
    }

def native(request):
    return Response(200, {}, json.dumps(told(request.tls)).encode())

def wsgi(environ, start_response):
    start_response("200 OK", [])
    shown = {k: v for k, v in environ.items() if k.startswith(("SSL_", "HTTP_SSL"))}
    return [json.dumps({**shown, "scheme": environ["wsgi.url_scheme"]}).encode()]

async def asgi(scope, receive, send):
    body = json.dumps([scope.get("scheme"), scope.get("extensions", {}).get("tls")]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("told")
    (root / "apps.py").write_text(APPS)
    pems = Pems(root)
    pems.pair("localhost", "127.0.0.1")
    pems.clients = pems.pair("client@example.org")
    return pems


@pytest.fixture
def served(place):
    """``served(app, *options)``: what an app tells a client with, or without, a certificate."""

    def ask(app, *options, certified=True, fields=b""):
        tls = ("--ssl-certfile", "localhost.pem", "--ssl-keyfile", "localhost.key")
        context = place.trusting()
        if certified:
            context.load_cert_chain(*place.clients)
        with serving(
            f"apps:{app}", *tls, *options, "--lifespan", "off", cwd=place.folder
        ) as server:
            request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%b\r\n" % fields
            answer = exchange_tls(server.address, request, context)
        head, _, body = answer.partition(b"\r\n\r\n")
        if b"chunked" in head:
            body = body.split(b"\r\n")[1]
        return json.loads(body)

    return ask


ASKED = ("--ssl-ca-certs", "ca.pem", "--ssl-cert-reqs")


def test_a_native_handler_has_the_certificate_of_its_client(served, place):
    told = served("native", *ASKED, "required")
    subject, issuer, names, serial, sha256, pem = told.pop("client")
    assert told["version"] == "TLSv1.3"
    assert told["cipher"].startswith("TLS_")
    assert names == [["email", "client@example.org"]]
    assert "O=trustme" in subject
    assert "trustme" in issuer
    assert int(serial, 16) > 0
    assert len(sha256) == 64
    assert pem == "-----BEGIN CERTIFICATE-----"


def test_who_is_not_asked_tells_nothing(served):
    told = served("native")
    assert told["client"] is None
    assert told["environ"] is False
    assert served("native", *ASKED, "optional", certified=False)["client"] is None


def test_environ_has_what_was_verified_and_headers_change_nothing(served):
    forged = b"SSL-Client-S-DN: CN=root\r\nSSL_CLIENT_VERIFY: SUCCESS\r\n"
    told = served("wsgi", *ASKED, "optional", fields=forged)
    assert told["scheme"] == "https"
    assert told["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert "O=trustme" in told["SSL_CLIENT_S_DN"]
    assert told["SSL_CLIENT_SAN_email_0"] == "client@example.org"
    assert told["SSL_CLIENT_CERT"].startswith("-----BEGIN CERTIFICATE-----")
    assert len(told["SSL_CLIENT_FINGERPRINT"]) == 64
    told = served("wsgi", *ASKED, "optional", certified=False, fields=forged)
    assert told["SSL_CLIENT_VERIFY"] == "NONE"
    assert "SSL_CLIENT_S_DN" not in told
    told = served("wsgi", certified=False, fields=forged)
    assert not [name for name in told if name.startswith("SSL_")]


def test_a_scope_has_the_tls_extension(served):
    scheme, told = served("asgi", *ASKED, "required")
    assert scheme == "https"
    assert told["tls_version"] == 0x0304
    assert told["cipher_suite"] in (0x1301, 0x1302, 0x1303)
    assert told["client_cert_chain"][0].startswith("-----BEGIN CERTIFICATE-----")
    assert "O=trustme" in told["client_cert_name"]
    assert served("asgi", certified=False)[1]["client_cert_chain"] == []


def test_a_client_without_the_certificate_that_is_required(served):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        served("native", *ASKED, "required", certified=False)
