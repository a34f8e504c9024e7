"""A supervisor and its workers, as tests see them: who is there, and who answers."""

from __future__ import annotations

import http.client
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from processes import PATIENCE_S, eventually, serving

if sys.platform != "linux":
    pytest.skip("a supervisor needs Linux", allow_module_level=True)

APP = """
import ctypes, os, signal, sys, threading, time
from reactor import Response

def app(request):
    path = request.path
    if path == "/die":
        os._exit(7)
    if path == "/spin":
        spin_for_ever()
    if path == "/slow":
        time.sleep(1)
    return Response(200, {"Content-Type": "text/plain"}, b"%d %s" % (os.getpid(), VERSION))

def spin_for_ever():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass

VERSION = b"one"
"""


def write_app(folder, version="one", more=""):
    """The module ``crewed``, whose application answers with its process and this version."""
    text = APP.replace('b"one"', f'b"{version}"') + more
    # Another size: what was compiled before is told from it by size and second.
    save(folder, text + "#" * len(os.listdir(folder)) + "\n")


def save(folder, text):
    """In one step, as editors do: a reload may read it at any moment."""
    unfinished = Path(folder) / "crewed.unfinished"
    unfinished.write_text(text)
    unfinished.replace(Path(folder) / "crewed.py")


@pytest.fixture(name="folder")
def crewed_folder(tmp_path):
    """With that module."""
    write_app(tmp_path)
    return tmp_path


def crew(folder, *words, target="crewed:app", **options):
    """A server of that application; ``words`` are options."""
    env = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **options.pop("env", {})}
    return serving(target, *words, cwd=folder, env=env, **options)


def children(pid):
    """The numbers of the processes that ``pid`` is the parent of, those that have ended too."""
    with suppress(FileNotFoundError):
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def state(pid):
    """As ps has it: R, S, Z ...; "" if there is no such process."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return re.search(r"^State:\s+(\w)", Path(f"/proc/{pid}/status").read_text(), re.M)[1]
    return ""


def ask(server, path="/"):
    """(process, version) of who answers, on a connection of its own."""
    connection = http.client.HTTPConnection(*server.address, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        pid, _, version = connection.getresponse().read().decode().partition(" ")
        return int(pid), version
    finally:
        connection.close()


def answering(server, count, without=()):
    """Wait until so many processes answer, none of them one of ``without``; their numbers."""
    found = set()

    def enough():
        pid, _ = ask(server)
        if pid not in without:
            found.add(pid)
        for gone in [pid for pid in found if state(pid) in {"", "Z"}]:
            found.discard(gone)
        return len(found) >= count

    eventually(enough, f"{count} workers answer")
    return found
