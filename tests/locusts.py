"""A real Locust on loopback: one master, two workers, no browser."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

from processes import PATIENCE_S, environment

WORKERS = 2

# What every locustfile here ends with. The master writes its exact histogram, once it has all
# reports. It ends the run: Locust's own `--run-time` begins when users are asked for, and may be
# over before a busy machine has started one.
MASTER = """
import os
import gevent
from locust import events
from locust.runners import MasterRunner
from reactor.contrib.locust import histogram

@events.init.add_listener
def take_part(environment, **_):
    runner = environment.runner

    def write(**_):
        with open(os.environ["HISTOGRAM"], "w") as file:
            file.write(histogram(environment).encode())

    def end():
        while runner.user_count < int(os.environ["USERS"]) or not environment.stats.num_requests:
            gevent.sleep(0.05)
        gevent.sleep(float(os.environ["SECONDS"]))
        runner.quit()

    if isinstance(runner, MasterRunner):
        environment.events.quit.add_listener(write)
        gevent.spawn(end)
"""


def run_locust(folder, locustfile, host, users, seconds):
    """Locust's own figures (a dict for each row), the exact histogram as text, its log.

    ``seconds`` is how long it goes on when all users are there and one has its answer.
    """
    (folder / "locustfile.py").write_text(locustfile + MASTER)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    locust = [sys.executable, "-m", "locust", "-f", "locustfile.py", "--host", host]
    master = [
        *("--master", "--headless", "--expect-workers", str(WORKERS)),
        *("--users", str(users), "--spawn-rate", "100"),
        # A user ends with its answer: one that is cut off is counted by the server alone.
        *("--stop-timeout", f"{PATIENCE_S:.0f}s"),
        *("--master-bind-host", "127.0.0.1", "--master-bind-port", port),
        *("--json-file", "stats"),
    ]
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    variables = environment(
        HISTOGRAM=str(folder / "histogram"), USERS=str(users), SECONDS=str(seconds)
    )
    processes = []
    try:
        for number, arguments in enumerate([master, *[worker] * WORKERS]):
            with open(folder / f"log-{number}", "wb") as log:
                processes.append(
                    subprocess.Popen(
                        [*locust, *arguments],
                        cwd=folder,
                        env=variables,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                    )
                )
        for process in processes:
            process.wait(seconds + 3 * PATIENCE_S)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    log = "".join((folder / f"log-{n}").read_text() for n in range(len(processes)))
    if not os.path.exists(folder / "histogram"):
        raise AssertionError(f"locust did not end as it should: {log[-3000:]}")
    rows = json.loads((folder / "stats.json").read_text())
    return rows, (folder / "histogram").read_text(), log
