"""Other servers: how each is started so that it does the same work and no other.

One worker, no access log or each its own to a file, kept-alive connections for as long as the
client likes, the rest as it comes.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from reactor.bench.access_logs import ACCESS_LOGS
from reactor.bench.served.apps import BODY, VISIT
from reactor.bench.servers import SERVED, Command, Server, ours

# The time-out is longer than what it takes to open thousands of connections on a busy machine.
KEPT = ("--timeout-keep-alive", "75")
THREADS = ("--model", "threads")
OURS = {
    "reactor": ("{target}", *KEPT),
    "threads": ("{target}", *KEPT, *THREADS),
    "native-reused": ("apps:hello_reused", *KEPT),
    "native-json": ("{target}", *KEPT, "--access-log-format", "json"),  # of its log, if it has one
    "native-metrics": ("{target}", *KEPT, "--metrics", "127.0.0.1:0"),
    "wsgi": ("apps:{wsgi}", *KEPT),
    "asgi": ("apps:{asgi}", *KEPT),
    "static": ("{site}", *KEPT),
    "wsgi-threads": ("apps:{wsgi}", *KEPT, *THREADS),
    "static-threads": ("{site}", *KEPT, *THREADS),
}
CODE = {
    name: f"import apps, {name}; {name}.run(apps.{{wsgi}}, '127.0.0.1', {{port}})"
    for name in ("bjoern", "fastwsgi", "fastpysgi")
}
CODE["fastpysgi-asgi"] = CODE["fastpysgi"].replace("{wsgi}", "{asgi}")
# What is served: the same answer to all, or to each request its own.
CONSTANT = {"native": "apps:hello", "wsgi": "wsgi", "asgi": "asgi"}
VARIED = {"native": "apps:varied", "wsgi": "wsgi_varied", "asgi": "asgi_varied"}
MODULE = {
    "granian": "granian --interface wsgi --host 127.0.0.1 --port {port} --workers 1 "
    "--no-access-log --log-level error --backlog 20000 --backpressure 20000 apps:{wsgi}",
    "uvicorn": "uvicorn --host 127.0.0.1 --port {port} --no-access-log --log-level error "
    "--timeout-keep-alive 75 apps:{asgi}",
    "gunicorn": "gunicorn --bind 127.0.0.1:{port} --workers 1 --worker-class gthread "
    "--threads 4 --worker-connections 20000 --keep-alive 75 --log-level error apps:{wsgi}",
    "granian-asgi": "granian --interface asgi --host 127.0.0.1 --port {port} --workers 1 "
    "--no-access-log --log-level error --backlog 20000 --backpressure 20000 apps:{asgi}",
    "gunicorn-asgi": "gunicorn --bind 127.0.0.1:{port} --workers 1 --worker-class asgi "
    "--worker-connections 20000 --keep-alive 75 --log-level error apps:{asgi}",
    "hypercorn": "hypercorn --bind 127.0.0.1:{port} --workers 1 --worker-class uvloop "
    "--keep-alive 75 --log-level error apps:{asgi}",
    "waitress": "waitress --listen 127.0.0.1:{port} --connection-limit 20000 "
    "--asyncore-use-poll apps:{wsgi}",
}

NGINX = """
daemon off; master_process on; worker_processes 1; worker_rlimit_nofile {files};
error_log {folder}/error.log; pid {folder}/nginx.pid; {user}
events {{ worker_connections 20000; }}
http {{
  access_log {access_log};
  default_type text/plain; keepalive_requests 1000000000; keepalive_timeout 75s;
  sendfile on; tcp_nopush on; {cache}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    {locations}
  }}
}}
"""
NGINX_CONSTANT = """location = / {{ return 200 "{body}"; }}
    location / {{ root {site}; }}"""
NGINX_VARIED = f"""location / {{
      add_header X-Request-Id $http_x_request_id;
      add_header Set-Cookie "{VISIT.format("$http_x_request_id")}";
      return 200 "$http_x_request_id $uri";
    }}"""
FILE_CACHE = "open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;"


# Of WebSockets: their programs, and how servers are told to send no pings, which nobody answers.
SOCKETS = {
    "picows": """
import asyncio, picows
class Echo(picows.WSListener):
    def on_ws_frame(self, transport, frame):
        transport.send(frame.msg_type, frame.get_payload_as_utf8_text().encode())
async def main():
    server = await picows.ws_create_server(lambda request: Echo(), "127.0.0.1", {port})
    await server.serve_forever()
try:
    import uvloop
    uvloop.run(main())
except ImportError:
    asyncio.run(main())
"""
}
ECHO = {"native": "apps:echo", "wsgi": "wsgi", "asgi": "asgi_echo"}
PINGLESS = {
    "reactor": ("--ws-ping-interval=0",),
    "asgi": ("--ws-ping-interval=0",),
    "uvicorn": ("--ws-ping-interval", "1000000"),
    "granian-asgi": (),
    "hypercorn": (),
    "picows": (),
}

PYTHONS = (*CODE, *MODULE, *SOCKETS)
NAMES = (*OURS, "floor", "nginx", "nginx+cache", *CODE, *MODULE)
WEBSOCKET_NAMES = (*PINGLESS,)


def package(name: str) -> str:
    """What a peer of Python is installed as: two of them serve WSGI and ASGI."""
    return name.removesuffix("-asgi")


def imports(name: str) -> list[str]:
    """What must be there for a peer of Python."""
    return ["hypercorn", "uvloop"] if name == "hypercorn" else [package(name)]


# Of modules, each one's version, or null if it cannot be imported; all in one process.
VERSIONS = """
import importlib, json, sys
from importlib.metadata import version
found = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        found[name] = version(name)
    except Exception:
        found[name] = None
print()
print(json.dumps(found))
"""


class Peers:
    """Makes any server by its name, or says why it cannot.

    Args:
        folder: for nginx's files and the floor's binary.
        site: the folder that static servers serve.
        python: the interpreter in which the Python servers are installed.
        target: what our server and its thread-per-connection model serve; None: what all do.
    """

    def __init__(
        self,
        folder: Path,
        site: Path,
        python: str = sys.executable,
        target: str | None = None,
    ) -> None:
        self._target = target
        self._folder = folder
        self._site = site
        self._python = python
        self._nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        self._versions = self._find_versions()
        #: What the files say that command lines name, by server.
        self.configurations: dict[str, str] = {}
        self.unusable = self._find_unusable()
        self._logs = itertools.count()

    def server(
        self,
        name: str,
        path: str = "/",
        *,
        varied: bool = False,
        asgi: str | None = None,
        websocket: bool = False,
        access_log: bool = False,
    ) -> Server:
        """``varied``: its answer is to each request its own, below any path.

        ``asgi``: which application of `apps` an ASGI server serves; None: the plain one.
        ``websocket``: it sends messages back; it is one of `WEBSOCKET_NAMES`.
        ``access_log``: it writes one to a file, which ends with it; it is one of `ACCESS_LOGS`.
        """
        if websocket:
            return Server(name, self.echo_command(name), path)
        if not access_log:
            return Server(name, self.command(name, varied=varied, asgi=asgi), path)
        log = self._folder / f"access-{next(self._logs)}.log"
        command = self.command(name, varied=varied, asgi=asgi, log=log)
        return Server(name, command, path, log=log, log_is_stdout=ACCESS_LOGS[name].by_stdout)

    def _find_unusable(self) -> dict[str, str]:
        """Name -> why."""
        unusable = {}
        if _compiler() is None:
            unusable["floor"] = "no C compiler"
        if self._nginx is None:
            unusable.update(dict.fromkeys(("nginx", "nginx+cache"), "not installed"))
        for name in PYTHONS:
            if not all(self._versions.get(module) for module in imports(name)):
                unusable[name] = f"not installed for {self._python}"
        return unusable

    def _find_versions(self) -> dict[str, str | None]:
        modules = sorted({module for name in PYTHONS for module in imports(name)})
        done = subprocess.run(
            [self._python, "-c", VERSIONS, *modules], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return {}
        found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
        return found

    def command(
        self,
        name: str,
        *,
        varied: bool = False,
        asgi: str | None = None,
        log: Path | None = None,
    ) -> Command:
        """How `server` starts it."""
        apps = VARIED if varied else CONSTANT
        if asgi is not None:
            apps = {**apps, "asgi": asgi}
        if name.startswith("nginx"):
            return lambda port: self._nginx_command(name, port, varied, log)
        command = self._command(name, apps)
        if log is None:
            return command
        # They come last, and so count where a word before them says otherwise.
        return lambda port: [*command(port), *ACCESS_LOGS[name].filled(log)]

    def echo_command(self, name: str) -> Command:
        """How a server of WebSockets is started."""
        if name in SOCKETS:
            return lambda port: [self._python, "-c", SOCKETS[name].format(port=port)]
        command = self._command(name, ECHO)
        return lambda port: [*command(port), *PINGLESS[name]]

    def _command(self, name: str, apps: dict[str, str]) -> Command:
        if name in OURS:
            target, *options = OURS[name]
            served = self._target or apps["native"]
            return ours(target.format(site=self._site, target=served, **apps), *options)
        if name == "floor":
            return lambda port: [str(_make_floor(self._folder)), str(port)]
        if name in CODE:
            return lambda port: [self._python, "-c", CODE[name].format(port=port, **apps)]
        return lambda port: [self._python, "-m", *MODULE[name].format(port=port, **apps).split()]

    def _nginx_command(
        self, name: str, port: int, varied: bool, log: Path | None = None
    ) -> list[str]:
        folder = self._folder / f"nginx-{port}"
        folder.mkdir(exist_ok=True)  # a port may come again
        constant = NGINX_CONSTANT.format(body=BODY.decode(), site=self._site)
        self.configurations[name] = NGINX.format(
            locations=NGINX_VARIED if varied else constant,
            access_log="off" if log is None else f"{log} combined",
            cache=FILE_CACHE if name == "nginx+cache" else "",
            files=20000,
            folder=folder,
            port=port,
            user="user root;" if os.geteuid() == 0 else "",
        ).lstrip()
        config = folder / "nginx.conf"
        config.write_text(self.configurations[name])
        return [str(self._nginx), "-c", str(config), "-e", str(folder / "error.log")]

    def versions(self) -> dict[str, str]:
        """Of every server that is there."""
        versions = {}
        for name in PYTHONS:
            version = self._versions.get(package(name))
            if name not in self.unusable and version is not None:
                versions[name] = version
        if self._nginx is not None:
            said = subprocess.run([self._nginx, "-v"], capture_output=True, text=True, check=False)
            versions["nginx"] = versions["nginx+cache"] = said.stderr.strip().removeprefix(
                "nginx version: nginx/"
            )
        return versions


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


def _make_floor(folder: Path) -> Path:
    """The C floor, compiled when it is first asked for."""
    binary = folder / "floor"
    if not binary.exists():
        command = [_compiler() or "cc", "-O2", "-o", str(binary), str(SERVED / "floor.c")]
        subprocess.run(command, check=True)
    return binary
