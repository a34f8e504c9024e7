"""Memory of four workers of a Django site, each after so many varied requests, here and elsewhere.

    python bench/worker_memory.py --peers PEERS/bin [--requests 10000]

Needs Django here, and the other servers in the folder of --peers. PSS: what several processes share
is counted once. Mold, master and supervisor count with the workers.
"""

from __future__ import annotations

import argparse
import http.client
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "bench")]

from crew import children  # noqa: E402
from reloads import free_port, running  # noqa: E402

WORKERS = 4
SITE = """
import json
from django.conf import settings

settings.configure(
    SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "django.contrib.messages", "django.contrib.admin"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {
        "context_processors": ["django.template.context_processors.request",
                               "django.contrib.auth.context_processors.auth",
                               "django.contrib.messages.context_processors.messages"]}}],
)
import django
django.setup()
from django.contrib import admin
from django.core.wsgi import get_wsgi_application
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse
from django.template import Context, Template
from django.urls import path

PAGE = Template("{% for row in rows %}<p>{{ row }} {{ row|length }}</p>{% endfor %}")

def page(request, count):
    return HttpResponse(PAGE.render(Context({"rows": [f"row {i}" for i in range(count)]})))

def as_json(request, count):
    return JsonResponse({"rows": list(range(count)), "body": len(request.body)})

urlpatterns = [path("page/<int:count>", page), path("json/<int:count>", as_json),
               path("admin/", admin.site.urls)]
application = get_wsgi_application()
asgi = get_asgi_application()
"""


def family(pid):
    """The process and all below it."""
    found = [pid]
    for child in children(pid):
        found += family(child)
    return found


def pss_mib(pids):
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    return total / 1024


def ask(port, count):
    """On many connections, so that every worker has its part."""
    connection = None
    for number in range(count):
        if number % 10 == 0:
            if connection is not None:
                connection.close()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        kind = number % 4
        if kind == 0:
            connection.request("GET", f"/page/{number % 97}")
        elif kind == 1:
            connection.request("POST", f"/json/{number % 89}", b"x" * (number % 5000))
        elif kind == 2:
            connection.request("GET", f"/json/{number % 83}?q={number}")
        else:
            connection.request("GET", "/admin/login/")
        connection.getresponse().read()


def programs(peers, port):
    where, bound = str(port), f"127.0.0.1:{port}"
    python = str(Path(peers, "python"))
    return {
        "reactor": [sys.executable, "-m", "reactor", "serve", "site_of_bench:application",
                    "--workers", str(WORKERS), "--port", where, "--no-access-log",
                    "--allow-root", "--allowed-host", "*"],
        "gunicorn --preload": [python, "-m", "gunicorn", "site_of_bench:application", "-b", bound,
                               "-w", str(WORKERS), "--preload", "-k", "gthread", "--threads", "2",
                               "--log-level", "error"],
        "uvicorn": [python, "-m", "uvicorn", "site_of_bench:asgi", "--port", where,
                    "--workers", str(WORKERS), "--no-access-log", "--log-level", "error"],
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", required=True)
    parser.add_argument("--requests", type=int, default=10_000, help="for each worker")
    options = parser.parse_args()
    import django

    packages = Path(django.__file__).parent.parent
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "site_of_bench.py").write_text(
            f"import sys\nsys.path.append({str(packages)!r})\n{SITE}"
        )
        for name, program in programs(options.peers, free_port()).items():
            port = int(next(word for word in reversed(program) if word.rpartition(":")[2].isdigit()
                            and len(word) > 3).rpartition(":")[2])  # fmt: skip
            try:
                with running(program, folder, port) as process:
                    threads = [
                        threading.Thread(target=ask, args=(port, options.requests * WORKERS // 8))
                        for _ in range(8)
                    ]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
                    figures[name] = pss_mib(family(process.pid))
            except (SystemExit, subprocess.SubprocessError) as error:
                print(f"{name}: {error}")
                continue
            ratio = figures["reactor"] / figures[name]
            print(f"{name:20} {figures[name]:7.1f} MiB; reactor / this {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
