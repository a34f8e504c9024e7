"""Which clients see the answer to an upload that is refused: a 413, and a 401, to 40 MiB?

    pip install -e '.[compat]'; python bench/refused_uploads.py

Most clients read only when they have written all. A server that stops reading loses its answer:
its kernel resets the connection. Here are both models and nginx; a cell says how many of the
uploads ended with the right status, and what the client said of the others.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from command import end_with
from processes import MODELS
from uploads import APPS, CLIENTS, STATUS_OF, UPLOAD_BYTES, installed, upload

from reactor.bench.servers import Command, Server, ours

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/log crit; {user}
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port}; client_max_body_size {limit};
    location / {{ {what} }}
  }}
}}
"""
# For the 413 it needs somebody who takes bodies; nobody is asked. A limit comes before a 401.
NGINX_DOES = {"takes": ("16m", "proxy_pass http://127.0.0.1:9;"), "refuses": ("0", "return 401;")}


def nginx(program: str, app: str, folder: Path) -> Command:
    def command(port: int) -> list[str]:
        work = folder / f"nginx-{app}"
        work.mkdir()
        user = "user root;" if os.geteuid() == 0 else ""  # its own may not enter our folders
        conf = work / "conf"
        limit, what = NGINX_DOES[app]
        conf.write_text(NGINX.format(folder=work, port=port, limit=limit, what=what, user=user))
        return [program, "-e", "stderr", "-c", str(conf)]

    return command


def cell(client: str, url: str, file: Path, status: int, runs: int) -> tuple[bool, str]:
    said = Counter(upload(client, url, file) for _ in range(runs))
    seen = said.pop(str(status), 0)
    others = ", ".join(f"{count} x {what}" for what, count in said.items())
    return seen == runs, f"{seen}/{runs}" + (f" ({others})" if others else "")


def main() -> int:
    parser = argparse.ArgumentParser(description="who sees the answer to an upload that is refused")
    parser.add_argument("--runs", type=int, default=5, help="uploads a cell")
    runs = parser.parse_args().runs
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    all_seen = True
    print(f"| server | status | {' | '.join(CLIENTS)} |\n|{'---|' * (2 + len(CLIENTS))}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "refusing.py").write_text(APPS)
        os.environ["PYTHONPATH"] = os.pathsep.join([name, os.environ.get("PYTHONPATH", "")])
        large = folder / "large.bin"
        with open(large, "wb") as file:
            file.truncate(UPLOAD_BYTES)
        for kind in [*MODELS, *(["nginx"] if program else [])]:
            for app, status in STATUS_OF.items():
                command = ours(f"refusing:{app}", "--model", kind)
                if kind == "nginx":
                    command = nginx(str(program), app, folder)
                row = []
                with Server(kind, command) as server:
                    for client in CLIENTS:
                        whole, text = True, "not installed"
                        if installed(client):
                            whole, text = cell(client, server.url, large, status, runs)
                        all_seen = all_seen and (whole or kind == "nginx")
                        row.append(text)
                print(f"| {kind} | {status} | {' | '.join(row)} |", flush=True)
    return 0 if all_seen else 1


if __name__ == "__main__":
    end_with(main)
