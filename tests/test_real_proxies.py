"""nginx, HAProxy and Apache in front, as their users configure them: an application sees the
client, scheme and host, and what the client forges reaches nobody."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from contextlib import contextmanager

import pytest
from processes import PATIENCE_S, eventually, needs, read_to_end, serving
from test_edge import APPS

# Clients come from addresses of their own, so that they can be told from the proxy.
CLIENT = "127.0.0.9"
FORGED = (
    b"GET / HTTP/1.1\r\nHost: site.example\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"
    b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n"
    b"Forwarded: for=6.6.6.6;host=evil.example\r\nConnection: close\r\n\r\n"
)
APPLICATIONS = ["wsgi", "asgi", "native"]


@pytest.fixture
def room(tmp_path):
    (tmp_path / "seen.py").write_text(APPS)
    # A worker of nginx that root has started is somebody else.
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


@contextmanager
def in_front(program, port, cwd):
    """A proxy that runs in the foreground, once it listens."""
    with subprocess.Popen(
        program, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:

            def listens():
                if process.poll() is not None:
                    pytest.fail(f"{program[0]} did not start: {process.stderr.read()}")
                with socket.socket() as sock:
                    return sock.connect_ex(("127.0.0.1", port)) == 0

            eventually(listens, f"{program[0]} listens")
            yield
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def ask(port, data=FORGED):
    with socket.create_connection(
        ("127.0.0.1", port), timeout=PATIENCE_S, source_address=(CLIENT, 0)
    ) as sock:
        sock.sendall(data)
        answer = read_to_end(sock)
    body = answer.partition(b"\r\n\r\n")[2]
    assert b"{" in body, answer
    return json.loads(body[body.find(b"{") : body.rfind(b"}") + 1])


def check(port):
    seen = ask(port)
    assert (seen["client"], seen["scheme"], seen["host"]) == (CLIENT, "http", "site.example")
    assert not set(seen["fields"]) & {"x-forwarded-for", "x-real-ip", "forwarded"}


def check_unbelieved(server, seen_app):
    """The same forgery, straight to the server by somebody whom it does not trust."""
    seen = ask(server.port)
    assert (seen["client"], seen["scheme"]) == (CLIENT, "http")
    assert (seen["host"], seen["fields"]) == ("site.example", []), seen_app


NGINX = """
daemon off; pid {room}/nginx.pid; error_log stderr; worker_processes 1; {user}
events {{ }}
http {{
  access_log off; client_body_temp_path {room}/b; proxy_temp_path {room}/p;
  fastcgi_temp_path {room}/f; uwsgi_temp_path {room}/u; scgi_temp_path {room}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {to};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host;
    }}
  }}
}}
"""


def nginx_before(room, to):
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    config = room / "nginx.conf"
    config.write_text(NGINX.format(room=room, port=port, to=to, user=user))
    return port, [needs("nginx"), "-c", str(config), "-p", str(room)]


@pytest.mark.parametrize("app", APPLICATIONS)
def test_nginx_by_tcp(app, room):
    with serving(f"seen:{app}", "--trusted-proxy", "127.0.0.1", cwd=room) as server:
        port, program = nginx_before(room, f"http://127.0.0.1:{server.port}")
        with in_front(program, port, room):
            check(port)
        check_unbelieved(server, app)


@pytest.mark.parametrize("app", APPLICATIONS)
def test_nginx_by_a_unix_socket(app, room):
    path = room / "s"
    with serving(f"seen:{app}", "--uds", path, "--trusted-proxy", "unix", cwd=room):
        port, program = nginx_before(room, f"http://unix:{path}:")
        with in_front(program, port, room):
            check(port)


HAPROXY = """
defaults
  mode {mode}
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend front
  bind 127.0.0.1:{port}
  {front}
  default_backend app
backend app
  {back}
  server one {to} {how}
"""
FIELDS = {
    "front": "http-request del-header X-Forwarded-Host",
    "back": "option forwardfor\n"
    "  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]",
    "how": "",
    "mode": "http",
}


def haproxy_before(room, to, **values):
    program = needs("haproxy")
    port = free_port()
    config = room / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, to=to, **values))
    return port, [program, "-db", "-f", str(config)]


@pytest.mark.parametrize("app", APPLICATIONS)
def test_haproxy_with_fields(app, room):
    with serving(f"seen:{app}", "--trusted-proxy", "127.0.0.1", cwd=room) as server:
        port, program = haproxy_before(room, f"127.0.0.1:{server.port}", **FIELDS)
        with in_front(program, port, room):
            check(port)


@pytest.mark.parametrize(("how", "version"), [("send-proxy", "v1"), ("send-proxy-v2", "v2")])
@pytest.mark.parametrize("app", APPLICATIONS)
def test_haproxy_with_the_proxy_protocol(app, how, version, room):
    words = ["--bind", f"127.0.0.1:0,proxy={version}", "--trusted-proxy", "127.0.0.1"]
    with serving(f"seen:{app}", *words, cwd=room) as server:
        to = f"127.0.0.1:{server.port}"
        # Its health checks are connections of its own, and disturb nobody.
        port, program = haproxy_before(
            room, to, mode="tcp", front="", back="", how=f"{how} check inter 100ms"
        )
        with in_front(program, port, room):
            check(port)
        server.stop()
        assert server.access_log[-1].startswith(f"{CLIENT} - - ")
        assert server.access_log[-1].endswith(' "127.0.0.1"')


APACHE = """
ServerRoot {room}
ServerName localhost
PidFile {room}/apache.pid
ErrorLog {room}/apache.log
Listen 127.0.0.1:{port}
Mutex file:{room}
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LoadModule headers_module {modules}/mod_headers.so
ProxyPreserveHost On
RequestHeader set X-Forwarded-Proto expr=%{{REQUEST_SCHEME}}
ProxyPass / http://127.0.0.1:{to}/
"""
MODULES = "/usr/lib/apache2/modules"


@pytest.mark.parametrize("app", APPLICATIONS)
def test_apache(app, room):
    """It appends to the three lists by itself."""
    program = needs("apache2")
    with serving(f"seen:{app}", "--trusted-proxy", "127.0.0.1", cwd=room) as server:
        port = free_port()
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        config = room / "apache.conf"
        config.write_text(
            APACHE.format(room=room, port=port, to=server.port, modules=MODULES, user=user)
        )
        with in_front([program, "-f", str(config), "-DFOREGROUND"], port, room):
            check(port)
