"""A process that may have few addresses or few descriptors: it says so, or it lives with them."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from processes import MODELS, PATIENCE_S, REPOSITORY, command, environment, serving

sys.path.append(str(REPOSITORY / "bench"))

import soak_memory


@pytest.mark.parametrize("model", MODELS)
def test_held_bodies_take_all_memory_and_the_server_lives(tmp_path, model):
    if soak_memory.MAPS_MUCH:
        pytest.skip("a sanitizer takes more addresses than that for itself")
    for _ in range(2):
        _, _, well = soak_memory.run(tmp_path, model, requests=10)
        assert well


def few(count):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

    return limit


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("count", [7, 8, 9, 10, 15])
def test_too_few_descriptors_are_one_sentence_at_start(tmp_path, model, count):
    done = subprocess.run(
        command("serve", str(tmp_path), "--port", "0", "--model", model),
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=few(count),
        timeout=PATIENCE_S,
    )
    assert done.returncode not in (0, None)
    assert done.stdout == ""
    assert done.stderr == (
        f"reactor: this process may open {count} files: a server needs 16, half of them for "
        "connections (ulimit -n)\n"
    )


@pytest.mark.parametrize("model", MODELS)
def test_as_few_as_it_needs_are_enough(tmp_path, model):
    (tmp_path / "index.html").write_bytes(b"a note\n")
    arguments = ["--model", model, "--no-access-log"]
    with serving(tmp_path, *arguments, preexec_fn=few(16)) as server:
        for _ in range(3):
            assert soak_memory.asked(server.address).endswith(b"\r\n\r\na note\n")
