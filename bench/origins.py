"""Servers from which `get` fetches: other people's, and our own, each with the same file.

Knows how each one is started, and at which of its paths the file comes by length, by chunks or
by close; nothing of the client. A site is a folder with ``page.txt``. Servers that are not
installed are left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reactor.bench.servers import Command, Server, ours

PAGE = "page.txt"
LENGTH, CHUNKS, CLOSE, SQUEEZED = "length", "chunks", "close", "chunks of gzip"
_PATH = os.environ.get("PATH", "") + ":/usr/sbin"
_APACHE_MODULES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules")

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/log; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} backlog=2048; root {site};
    location = /chunks {{ ssi on; ssi_types *; try_files /page.txt =404; }}
    location = /close {{
      ssi on; ssi_types *; chunked_transfer_encoding off; try_files /page.txt =404;
    }}
  }}
}}
"""
APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog {folder}/log
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule cgid_module {modules}/mod_cgid.so
LoadModule setenvif_module {modules}/mod_setenvif.so
LoadModule alias_module {modules}/mod_alias.so
{user}
MaxKeepAliveRequests 0
DocumentRoot {site}
ScriptSock {folder}/sock
ScriptAliasMatch "^/(chunks|close)$" {folder}/script
SetEnvIf Request_URI "^/close$" downgrade-1.0 force-response-1.0 nokeepalive
"""
CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  root * {site}
  encode gzip
  file_server
}}
"""
H2O = """
listen: {{host: 127.0.0.1, port: {port}}}
pid-file: {folder}/pid
error-log: {folder}/log
{user}
hosts:
  default:
    paths:
      /: {{file.dir: {site}, compress: [gzip]}}
"""
HTTP_SERVER = """
import http.server, os, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = sys.argv[3]
    def log_message(self, *args):
        pass
    def do_GET(self):
        if self.path != "/close":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        with open("page.txt", "rb") as page:
            self.copyfile(page, self.wfile)

os.chdir(sys.argv[2])
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
APP = """
with open({page!r}, "rb") as page:
    BODY = page.read()
PIECES = [BODY[at : at + 10_000] for at in range(0, len(BODY), 10_000)]

def wsgi(environ, start_response):
    length = environ["PATH_INFO"] == "/page.txt"
    start_response("200 OK", [("Content-Length", str(len(BODY)))] if length else [])
    return [BODY] if length else iter(PIECES)

async def asgi(scope, receive, send):
    length = scope["path"] == "/page.txt"
    fields = [(b"content-length", str(len(BODY)).encode())] if length else []
    await send({{"type": "http.response.start", "status": 200, "headers": fields}})
    for piece in PIECES:
        await send({{"type": "http.response.body", "body": piece, "more_body": True}})
    await send({{"type": "http.response.body"}})
"""


@dataclass(frozen=True)
class Origin:
    """A server; where the file comes how; and the version of HTTP that it speaks there."""

    server: Server
    paths: dict[str, str]
    versions: dict[str, str]

    @property
    def name(self) -> str:
        return self.server.name


class Origins:
    """Makes each server by its name.

    Args:
        folder: for configurations, logs and pids; everybody may enter it.
        site: the folder with the page, which is there already.
        python: the interpreter in which gunicorn, uvicorn and waitress are installed.
    """

    def __init__(self, folder: Path, site: Path, python: str = sys.executable) -> None:
        self._folder, self._site, self._python = folder, site, python
        (folder / "app.py").write_text(APP.format(page=str(site / PAGE)))
        (folder / "server.py").write_text(HTTP_SERVER)
        # For the servers: that is where the app is.
        paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        self.makers: dict[str, Callable[[], Origin | None]] = {
            "nginx": self._nginx,
            "apache": self._apache,
            "caddy": self._caddy,
            "h2o": self._h2o,
            "http.server 1.0": lambda: self._http_server("HTTP/1.0"),
            "http.server 1.1": lambda: self._http_server("HTTP/1.1"),
            "gunicorn": lambda: self._app("gunicorn", "--bind 127.0.0.1:{port} app:wsgi"),
            "uvicorn": lambda: self._app("uvicorn", "--lifespan off --port {port} app:asgi"),
            "waitress": lambda: self._app("waitress", "--listen 127.0.0.1:{port} app:wsgi"),
            "reactor": lambda: _origin("reactor", ours(str(site)), (LENGTH,)),
            "reactor wsgi": lambda: _origin("reactor wsgi", ours("app:wsgi"), (LENGTH, CHUNKS)),
        }

    def get(self, name: str) -> Origin | None:
        """None if it is not installed."""
        return self.makers[name]()

    def _written(self, name: str, template: str, port: int, **more: str) -> str:
        folder = self._folder / f"{name}-{port}"
        folder.mkdir()
        path = folder / "conf"
        path.write_text(template.format(folder=folder, port=port, site=self._site, **more))
        return str(path)

    def _nginx(self) -> Origin | None:
        program = shutil.which("nginx", path=_PATH)
        user = "user root;" if os.geteuid() == 0 else ""  # its own may not enter our folders

        def command(port: int) -> list[str]:
            conf = self._written("nginx", NGINX, port, user=user)
            return [str(program), "-e", "stderr", "-c", conf]

        return _origin("nginx", command, (LENGTH, CHUNKS, CLOSE)) if program else None

    def _apache(self) -> Origin | None:
        program = shutil.which("apache2", path=_PATH) or shutil.which("httpd", path=_PATH)
        modules = next(filter(os.path.isdir, _APACHE_MODULES), "modules")
        user = "User www-data" if os.geteuid() == 0 else ""  # it refuses to be root

        def command(port: int) -> list[str]:
            conf = self._written("apache", APACHE, port, modules=modules, user=user)
            script = Path(conf).parent / "script"
            script.write_text(f"#!/bin/sh\nprintf '\\n'\nexec cat {self._site / PAGE}\n")
            script.chmod(0o755)
            return [str(program), "-D", "FOREGROUND", "-f", conf]

        old = {CLOSE: "HTTP/1.0"}
        return _origin("apache", command, (LENGTH, CHUNKS, CLOSE), old) if program else None

    def _caddy(self) -> Origin | None:
        program = shutil.which("caddy", path=_PATH)

        def command(port: int) -> list[str]:
            conf = self._written("caddy", CADDY, port)
            return [str(program), "run", "--adapter", "caddyfile", "--config", conf]

        return _origin("caddy", command, (LENGTH, SQUEEZED)) if program else None

    def _h2o(self) -> Origin | None:
        program = shutil.which("h2o", path=_PATH)
        user = "user: root" if os.geteuid() == 0 else ""

        def command(port: int) -> list[str]:
            return [str(program), "-c", self._written("h2o", H2O, port, user=user)]

        return _origin("h2o", command, (LENGTH, SQUEEZED)) if program else None

    def _http_server(self, version: str) -> Origin:
        script = str(self._folder / "server.py")

        def command(port: int) -> list[str]:
            return [sys.executable, script, str(port), str(self._site), version]

        versions = {LENGTH: version, CLOSE: version}
        return _origin(f"http.server {version[-3:]}", command, (LENGTH, CLOSE), versions)

    def _app(self, module: str, options: str) -> Origin | None:
        found = subprocess.run(
            [self._python, "-c", f"import {module}"], capture_output=True, check=False
        )

        def command(port: int) -> list[str]:
            return [self._python, "-m", module, *options.format(port=port).split()]

        return _origin(module, command, (LENGTH, CHUNKS)) if found.returncode == 0 else None


def _origin(
    name: str, command: Command, bodies: tuple[str, ...], versions: dict[str, str] | None = None
) -> Origin:
    paths = {LENGTH: PAGE, CHUNKS: "chunks", CLOSE: "close", SQUEEZED: PAGE}
    return Origin(
        Server(name, command),
        {body: paths[body] for body in bodies},
        {body: (versions or {}).get(body, "HTTP/1.1") for body in bodies},
    )
