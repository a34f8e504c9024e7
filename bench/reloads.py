"""What reloads and crashes cost the clients, here and elsewhere (docs/workers.md has the figures).

    python bench/reloads.py                         100 reloads, at least a million requests
    python bench/reloads.py --peers PEERS/bin       and nginx, uvicorn, gunicorn, granian
    python bench/reloads.py --killed                200 workers, and 200 supervisors, by SIGKILL

32 kept connections that think for 2 ms, and 500 new ones a second, two workers (four for --killed).
A loss is a request on a connection that the kernel had completed without its whole answer, and a
connection that is refused. The exit code is 1 if we lose anything that we need not.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from clients import NOTE  # noqa: E402
from crew import children, state  # noqa: E402
from processes import command, environment  # noqa: E402
from reloading import RollingLoad  # noqa: E402

from reactor.server.workers.policy import LIVED_S  # noqa: E402

EVERY_S = 0.7
APPS = f"""
from reactor import Response

def native(request):
    return Response(200, {{}}, {NOTE!r})

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "{len(NOTE)}")])
    return [{NOTE!r}]

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"].endswith("shutdown"):
                return
    await send({{"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"{len(NOTE)}")]}})
    await send({{"type": "http.response.body", "body": {NOTE!r}}})
"""
NGINX = """
user root; worker_processes 2; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; server {{
  listen 127.0.0.1:{port} backlog=2048; root {folder}; }} }}
"""


def programs(peers, folder, port):
    """{name: its command}; those that are installed."""
    where, bound = str(port), f"127.0.0.1:{port}"
    ours = command(
        "serve",
        "served:native",
        "--no-access-log",
        "--port",
        where,
        "--allow-root",
        "--allowed-host",
        "*",
    )
    Path(folder, "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    found = {"reactor": [*ours, "--workers", "2"]}
    if peers is None:
        return found
    quiet = {
        "nginx": ["nginx", "-c", f"{folder}/nginx.conf", "-p", folder],
        "uvicorn": ["uvicorn", "served:asgi", "--port", where, "--workers", "2",
                    "--no-access-log", "--log-level", "warning"],
        "gunicorn gthread": ["gunicorn", "served:wsgi", "-b", bound, "-w", "2", "-k", "gthread",
                             "--threads", "32", "--log-level", "warning", "--no-control-socket"],
        "gunicorn asgi": ["gunicorn", "served:asgi", "-b", bound, "-w", "2", "-k", "asgi",
                          "--log-level", "warning", "--no-control-socket"],
        "granian": ["granian", "--interface", "asgi", "served:asgi", "--port", where,
                    "--workers", "2", "--no-log", "--host", "127.0.0.1"],
    }  # fmt: skip
    for name, words in quiet.items():
        path = Path(peers, words[0])
        found[name] = [str(path) if path.exists() else words[0], *words[1:]]
    return found


@contextmanager
def running(program, folder, port):
    env = environment(PYTHONPATH=os.pathsep.join([folder, str(REPOSITORY)]))
    with subprocess.Popen(
        program, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            until = time.monotonic() + 20
            while not answers(port):
                if time.monotonic() > until or process.poll() is not None:
                    raise SystemExit(f"{program[0]} does not serve")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            sock.sendall(b"GET /note.txt HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return bool(sock.recv(1))
    except OSError:
        return False


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def rolled(program, folder, port, times, requests_min):
    """One line of the table: what was lost, and how long answers took."""
    with running(program, folder, port) as process:
        time.sleep(1)
        quiet = RollingLoad(("127.0.0.1", port))
        quiet.run(5)
        quiet.finish()
        load = RollingLoad(("127.0.0.1", port))
        count = 0
        while count < times or load.counts["answered"] < requests_min:
            process.send_signal(signal.SIGHUP)
            load.run(EVERY_S)
            count += 1
        load.finish()
    kinds = ", ".join(f"{how} {n}" for how, n in sorted(load.lost.items())) or "none"
    p99 = load.percentile(0.99) / quiet.percentile(0.99)
    print(
        f"{count} reloads, {load.counts['answered']:,} answered, lost {sum(load.lost.values())} "
        f"({kinds}), p99 {load.percentile(0.99) * 1000:.1f} ms, {p99:.1f} of the quiet one",
        flush=True,
    )
    return sum(load.lost.values())


def workers_killed(program, folder, port, times):
    """Workers that have lived are killed one by one; how long it takes until the next is ready."""
    with running([*program, "--workers", "4"], folder, port) as process:
        load = RollingLoad(("127.0.0.1", port))
        load.run(1)
        late, seen = [], dict.fromkeys(children(process.pid)[1:], time.monotonic())
        for _ in range(times):
            # One that has lived for 5 s is replaced at once; the first child is the mold.
            oldest = min(seen, key=seen.get)
            load.run(max(1.0, seen.pop(oldest) + LIVED_S + 0.5 - time.monotonic()))
            os.kill(oldest, signal.SIGKILL)
            begun = time.monotonic()
            while not (new := set(children(process.pid)[1:]) - {*seen, oldest}):
                load.run(0.001)
            while not all(map(waits_for_clients, new)):
                load.run(0.001)
            late.append(time.monotonic() - begun)
            seen |= dict.fromkeys(new, time.monotonic())
        load.finish()
    lost, median = sum(load.lost.values()), sorted(late)[len(late) // 2]
    print(
        f"{times} workers killed, {load.counts['answered']:,} answered, lost {lost} (at most "
        f"{times * 33:,} were under way), refused {load.counts['refused']}, never answered "
        f"{load.counts['unanswered']}, the next one ready after "
        f"{median * 1000:.0f} ms, at most {max(late) * 1000:.0f} ms",
        flush=True,
    )
    return load.counts["refused"] + load.counts["unanswered"]


def waits_for_clients(pid):
    folder = f"/proc/{pid}/fd"
    try:
        return any("eventpoll" in os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder))
    except OSError:  # a descriptor was closed meanwhile, or the process is gone
        return False


def supervisors_killed(program, folder, port, times):
    """At a random moment of a start, a reload or a quiet time; who is left after 5 s."""
    left = listening = 0
    for index in range(times):
        env = environment(PYTHONPATH=os.pathsep.join([folder, str(REPOSITORY)]))
        with subprocess.Popen(
            [*program, "--workers", "4"], cwd=folder, env=env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            seen = set()
            until = time.monotonic() + 0.25 + 0.3 * (index / times)
            while time.monotonic() < until:
                seen |= set(children(process.pid))
                time.sleep(0.001)
            if index % 2 and seen:
                process.send_signal(signal.SIGHUP)
                until = time.monotonic() + 0.1 * (index / times)
                while time.monotonic() < until:
                    seen |= set(children(process.pid))
            process.kill()
            process.wait()
            until = time.monotonic() + 5
            while time.monotonic() < until and (
                is_listening(port) or any(state(pid) not in {"", "Z"} for pid in seen)
            ):
                time.sleep(0.01)
            left += sum(state(pid) not in {"", "Z"} for pid in seen)
        # Nobody holds the queue any more. (To bind there may fail for a client of anybody's.)
        listening += is_listening(port)
    print(
        f"{times} supervisors killed: {left} processes left after 5 s, "
        f"the port was held {listening} times",
        flush=True,
    )
    return left + listening


def is_listening(port):
    with open("/proc/net/tcp", encoding="ascii") as file:
        return any(f":{port:04X} 00000000:0000 0A" in line for line in file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=100, help="reloads")
    parser.add_argument("--requests", type=int, default=1_000_000, help="at least so many")
    parser.add_argument("--peers", help="the folder of other servers' commands")
    parser.add_argument("--peer-times", type=int, default=10, help="their reloads")
    parser.add_argument("--killed", type=int, nargs="?", const=200, help="how many, instead")
    options = parser.parse_args()
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "served.py").write_text(APPS)
        Path(folder, "note.txt").write_bytes(NOTE)
        port = free_port()
        all_of_them = programs(options.peers, folder, port)
        if options.killed:
            ours = all_of_them["reactor"][:-2]
            faults += workers_killed(ours, folder, port, options.killed)
            faults += supervisors_killed(ours, folder, port, options.killed)
            return int(faults > 0)
        for name, program in all_of_them.items():
            print(f"{name:17}", end="", flush=True)
            if name == "reactor":
                faults += rolled(program, folder, port, options.times, options.requests)
            else:
                try:
                    rolled(program, folder, port, options.peer_times, 0)
                except SystemExit as error:
                    print(error)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
