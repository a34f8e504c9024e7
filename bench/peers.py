"""Other servers: how each is started so that it does the same work and no other.

One worker, no access log, kept-alive connections for as long as the client likes, the rest as it
comes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from apps import BODY
from serving import Command, Server, ours
from wrk import make_floor

# The time-out is longer than what it takes to open thousands of connections on a busy machine.
KEPT = ("--timeout-keep-alive", "75")
THREADS = ("--model", "threads")
OURS = {
    "native": ("apps:hello", *KEPT),
    "native-reused": ("apps:hello_reused", *KEPT),
    "wsgi": ("apps:wsgi", *KEPT),
    "static": ("{site}", *KEPT),
    "wsgi-threads": ("apps:wsgi", *KEPT, *THREADS),
    "native-threads": ("apps:hello", *KEPT, *THREADS),
}
CODE = {
    "bjoern": "import apps, bjoern; bjoern.run(apps.wsgi, '127.0.0.1', {port})",
    "fastwsgi": "import apps, fastwsgi; fastwsgi.run(apps.wsgi, '127.0.0.1', {port})",
    "fastpysgi": "import apps, fastpysgi; fastpysgi.run(apps.wsgi, '127.0.0.1', {port})",
}
MODULE = {
    "granian": "granian --interface wsgi --host 127.0.0.1 --port {port} --workers 1 "
    "--no-access-log --log-level error --backlog 20000 --backpressure 20000 apps:wsgi",
    "uvicorn": "uvicorn --host 127.0.0.1 --port {port} --no-access-log --log-level error "
    "--timeout-keep-alive 75 apps:asgi",
    "gunicorn": "gunicorn --bind 127.0.0.1:{port} --workers 1 --worker-class gthread "
    "--threads 4 --worker-connections 20000 --keep-alive 75 --log-level error apps:wsgi",
    "waitress": "waitress --listen 127.0.0.1:{port} --connection-limit 20000 "
    "--asyncore-use-poll apps:wsgi",
}

NGINX = """
daemon off; master_process on; worker_processes 1; worker_rlimit_nofile {files};
error_log {folder}/error.log; pid {folder}/nginx.pid; {user}
events {{ worker_connections 20000; }}
http {{
  access_log off; default_type text/plain; keepalive_requests 1000000000; keepalive_timeout 75s;
  sendfile on; tcp_nopush on; {cache}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location = / {{ return 200 "{body}"; }}
    location / {{ root {site}; }}
  }}
}}
"""
FILE_CACHE = "open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;"


class Peers:
    """Makes any server by its name, or says why it cannot.

    Args:
        folder: for nginx's files and the floor's binary.
        site: the folder that static servers serve.
        python: the interpreter in which the Python servers are installed.
    """

    def __init__(self, folder: Path, site: Path, python: str) -> None:
        self._folder = folder
        self._site = site
        self._python = python
        self._floor = make_floor(folder)
        self._nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        self.unusable = self._find_unusable()

    def server(self, name: str, path: str = "/") -> Server:
        return Server(name, self._command(name), path)

    def _find_unusable(self) -> dict[str, str]:
        """Name -> why."""
        unusable = {}
        if self._floor is None:
            unusable["floor"] = "no C compiler"
        if self._nginx is None:
            unusable.update(dict.fromkeys(("nginx", "nginx+cache"), "not installed"))
        for name in (*CODE, *MODULE):
            found = subprocess.run(
                [self._python, "-c", f"import {name}"], capture_output=True, check=False
            )
            if found.returncode:
                unusable[name] = f"not installed for {self._python}"
        return unusable

    def _command(self, name: str) -> Command:
        if name in OURS:
            target, *options = OURS[name]
            return ours(target.format(site=self._site), *options)
        if name == "floor":
            return lambda port: [str(self._floor), str(port)]
        if name.startswith("nginx"):
            return lambda port: self._nginx_command(port, cached=name == "nginx+cache")
        if name in CODE:
            return lambda port: [self._python, "-c", CODE[name].format(port=port)]
        return lambda port: [self._python, "-m", *MODULE[name].format(port=port).split()]

    def _nginx_command(self, port: int, cached: bool) -> list[str]:
        folder = self._folder / f"nginx-{port}"
        folder.mkdir()
        config = folder / "nginx.conf"
        config.write_text(
            NGINX.format(
                body=BODY.decode(),
                cache=FILE_CACHE if cached else "",
                files=20000,
                folder=folder,
                port=port,
                site=self._site,
                user="user root;" if os.geteuid() == 0 else "",
            )
        )
        return [str(self._nginx), "-c", str(config), "-e", str(folder / "error.log")]

    def versions(self) -> str:
        """Of every server that is there."""
        code = (
            "import sys; from importlib.metadata import version\n"
            "print(*(f'{n} {version(n)}' for n in sys.argv[1:]), sep=', ')"
        )
        names = [name for name in (*CODE, *MODULE) if name not in self.unusable]
        told = subprocess.run(
            [self._python, "-c", code, *names], capture_output=True, text=True, check=False
        ).stdout.strip()
        if self._nginx is not None:
            said = subprocess.run([self._nginx, "-v"], capture_output=True, text=True, check=False)
            told += ", " + said.stderr.strip().removeprefix("nginx version: ").replace("/", " ")
        return f"Python {sys.version.split()[0]}, {told}"
