"""The tests of the wire once more, over TLS: folder, native, WSGI, ASGI, WebSockets, raw TCP,
uploads, 100-continue, stops, hostile clients. `tls_bridge` is in between; threads serve no TLS and
are skipped.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pem_files import Pems
from processes import environment

# Many files of tests once more: minutes that README's command need not take.
pytestmark = pytest.mark.long
HERE = Path(__file__).parent
TIMEOUT_S = 300

FILES = [
    *("test_asgi_server", "test_interop", "test_large_uploads", "test_raw_tcp", "test_stopping"),
    *("test_streaming", "test_websocket_opening", "test_websocket_server", "test_wsgi_wire"),
    *("test_serve", "test_folders_before", "test_folder_fields", "test_pseudo_files"),
    *("test_hostile", "test_lingering", "test_closed_sockets", "test_containment"),
    *("test_collecting", "test_events", "test_wsgi_faults", "test_asgi_extensions"),
    *("test_access_log", "test_asgi_reports"),
]

# What a bridge cannot tell, and why.
NOT_OVER_A_BRIDGE = {
    "test_asgi_server": [
        # A close is a half-close until something is sent.
        "test_a_stream_ends_when_its_client_goes",
        "test_descriptors_and_tasks_come_back",
    ],
    # The end of a client comes a moment later.
    "test_large_uploads": ["test_descriptors_are_given_back"],
    # The URL that is printed is another one.
    "test_serve": [
        "test_it_prints_one_line_with_the_url_that_answers",
        "test_the_default_target_is_the_folder_where_the_user_stands",
    ],
    # An end that is not signed is an end for whoever is behind the bridge.
    "test_wsgi_faults": ["test_a_broken_body_is_never_taken_for_a_whole_one"],
    # The server's port is another one.
    "test_wsgi_wire": ["test_the_servers_and_the_clients_address"],
}

# The handshake of a client that has just come has the grace of the stop, here 0.05 to 0.2 s,
# and on a busy machine the bridge takes longer. And what is under way may be held by the bridge.
UNSURE = (
    "grace or ctrl_c or has_come or idle or second_signal or cut_by_reset or waits_for or pipelined"
)
PARTS = {"test_stopping": f"not ({UNSURE})"}


@pytest.fixture(scope="session")
def certified(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certified")
    Pems(folder).pair("localhost", "127.0.0.1")
    return folder


@pytest.mark.parametrize("name", FILES)
def test_the_wire_is_the_same_over_tls(name, certified):
    left_out = [
        word
        for test in NOT_OVER_A_BRIDGE.get(name, [])
        for word in ("--deselect", f"tests/{name}.py::{test}")
    ]
    done = subprocess.run(
        [
            *(sys.executable, *["-O"] * sys.flags.optimize, "-m", "pytest", "-q", "-n", "0"),
            *("-p", "no:cacheprovider", *left_out, f"tests/{name}.py"),
            *("-k", PARTS.get(name, "")),
        ],
        cwd=HERE.parent,
        env=environment(REACTOR_TESTS_OVER_TLS=str(certified)),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    assert int(passed[1]) >= 4
