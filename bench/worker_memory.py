"""Memory of four workers of a Django site, each after so many varied requests, here and elsewhere.

    python bench/worker_memory.py --peers PEERS/bin [--requests 10000] [--warm]

Needs Django here, and the other servers in the folder of --peers. PSS: what several processes share
is counted once. Mold, master and supervisor count with the workers. "no server" is what the site
takes in as many processes that are only forked (`forked_site.py`): who serves it takes more.
With --warm the site asks itself for each of its pages while it is imported.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "bench")]

from crew import children  # noqa: E402
from forked_site import WORKERS, varied  # noqa: E402
from processes import environment  # noqa: E402
from reloads import free_port, running  # noqa: E402

CLIENTS = 8
OURS = ("reactor", "reactor, ASGI")
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
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {
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
from django.views.decorators.csrf import csrf_exempt

PAGE = Template("{% for row in rows %}<p>{{ row }} {{ row|length }}</p>{% endfor %}")

def page(request, count):
    return HttpResponse(PAGE.render(Context({"rows": [f"row {i}" for i in range(count)]})))

@csrf_exempt
def as_json(request, count):
    return JsonResponse({"rows": list(range(count)), "body": len(request.body)})

urlpatterns = [path("page/<int:count>", page), path("json/<int:count>", as_json),
               path("admin/", admin.site.urls)]
application = get_wsgi_application()
asgi = get_asgi_application()
"""
# As in docs/workers.md.
WARM = """
from wsgiref.util import setup_testing_defaults

for where in ("/page/9", "/json/9", "/admin/login/"):
    environ = {"PATH_INFO": where}
    setup_testing_defaults(environ)
    answer = application(environ, lambda status, fields, error=None: None)
    list(answer)
    answer.close()
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
        connection.request(*varied(number))
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:  # an error takes another way through the site
            raise OSError(f"request {number}: status {answer.status}")


def programs(peers, port):
    where, bound = str(port), f"127.0.0.1:{port}"
    python = str(Path(peers, "python"))
    ours = [sys.executable, "-m", "reactor", "serve", "--workers", str(WORKERS), "--port", where,
            "--no-access-log", "--allow-root", "--allowed-host", "*"]  # fmt: skip
    return {
        OURS[0]: [*ours, "site_of_bench:application"],
        OURS[1]: [*ours, "site_of_bench:asgi"],
        "gunicorn --preload": [python, "-m", "gunicorn", "site_of_bench:application", "-b", bound,
                               "-w", str(WORKERS), "--preload", "-k", "gthread", "--threads", "2",
                               "--log-level", "error"],
        "uvicorn": [python, "-m", "uvicorn", "site_of_bench:asgi", "--port", where,
                    "--workers", str(WORKERS), "--no-access-log", "--log-level", "error"],
    }  # fmt: skip


def without_server(folder, packages, requests):
    program = [sys.executable, str(REPOSITORY / "bench" / "forked_site.py"), str(requests)]
    env = environment(PYTHONPATH=os.pathsep.join([folder, packages]))
    with subprocess.Popen(
        program, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        if process.stdout.readline() != b"done\n":
            raise SystemExit("the site fails without a server")
        return pss_mib(family(process.pid))


def served(program, folder, port, requests):
    with running(program, folder, port) as process, ThreadPoolExecutor(CLIENTS) as clients:
        each = requests * WORKERS // CLIENTS
        # To a list: what a client raised is raised here.
        list(clients.map(ask, [port] * CLIENTS, [each] * CLIENTS))
        return pss_mib(family(process.pid))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", required=True)
    parser.add_argument("--requests", type=int, default=10_000, help="for each worker")
    parser.add_argument("--warm", action="store_true")
    options = parser.parse_args()
    import django

    packages = str(Path(django.__file__).parent.parent)
    site = f"import sys\nsys.path.append({packages!r})\n{SITE}{WARM * options.warm}"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "site_of_bench.py").write_text(site)
        least = without_server(folder, packages, options.requests)
        print(f"{'no server':20} {least:7.1f} MiB", flush=True)
        port, figures = free_port(), {}
        for name, program in programs(options.peers, port).items():
            try:
                figures[name] = served(program, folder, port, options.requests)
            except (SystemExit, OSError, subprocess.SubprocessError) as error:
                print(f"{name}: {error}")
                continue
            ratios = "".join(
                f"; {ours} / this {figures[ours] / figures[name]:.2f}"
                for ours in OURS
                if ours in figures and name not in OURS
            )
            print(f"{name:20} {figures[name]:7.1f} MiB{ratios}", flush=True)


if __name__ == "__main__":
    main()
