"""Scripts for shells: each is tried by its own shell, and knows what the parsers know."""

from __future__ import annotations

import subprocess

import pytest
from processes import PATIENCE_S, needs, run_reactor

from reactor.cli import every_command


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts")

    def path(shell):
        file = folder / f"_{shell}"
        file.write_text(run_reactor("completion", shell).stdout)
        return file

    return path


def run_in(program, *words, cwd=None):
    done = subprocess.run(
        [program, *words], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# What completes a line, up to where the cursor is.
DRIVER = """
source "$1"; shift
compopt() { :; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_reactor
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def bash(script, tmp_path):
    program, path = needs("bash"), script("bash")
    (tmp_path / "a file").write_text("")

    def complete(*words):
        return {word for word in run_in(program, "-c", DRIVER, "bash", str(path), *words,
                                        cwd=tmp_path) if word}  # fmt: skip

    return complete


@pytest.fixture
def fish(script, tmp_path):
    program, path = needs("fish"), script("fish")
    (tmp_path / "a file").write_text("")

    def complete(*words):
        line = " ".join(words)
        code = 'source $argv[1]; complete -C "$argv[2]"'
        found = run_in(program, "--no-config", "-c", code, str(path), line, cwd=tmp_path)
        return {word.partition("\t")[0] for word in found}

    return complete


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_shell_completes(shell, request):
    complete = request.getfixturevalue(shell)
    assert complete("reactor", "") >= {"serve", "get", "bench", "completion"}
    assert complete("reactor", "se") == {"serve"}
    assert complete("reactor", "serve", "--limit-conc") == {"--limit-concurrency"}
    assert complete("reactor", "get", "--limit-") == {"--limit-rate"}
    assert complete("reactor", "serve", "--model", "th") == {"threads"}
    assert complete("reactor", "completion", "z") >= {"zsh"}
    assert "a file" in {word.replace("\\", "") for word in complete("reactor", "serve", "")}
    assert "a file" in {word.replace("\\", "") for word in complete("reactor", "get", "-o", "")}
    assert complete("reactor", "serve", "--port", "") == set()


def test_bash_completes_behind_an_equals_sign(bash):
    assert bash("reactor", "serve", "--model", "=") == {"reactor", "threads"}
    assert bash("reactor", "serve", "--model", "=", "th") == {"threads"}


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize("command", ["serve", "get", "bench", "completion"])
def test_every_long_option_is_completed(shell, command, request):
    names = {
        name
        for action in every_command()[command]._actions
        for name in action.option_strings
        if name.startswith("--")
    }
    assert request.getfixturevalue(shell)("reactor", command, "--") == names


# zsh's own _arguments works only where a line is edited: what it would be given is looked at.
ZSH = """
compdef() { :; }
_arguments() { print -rl -- "$@" }
compadd() { print -rl -- "$@" }
words=("${@:2}"); CURRENT=$#words
source "$1"
"""


def test_zsh_reads_it_and_is_told_of_every_option(script):
    program, path = needs("zsh"), script("zsh")
    run_in(program, "-f", "-n", str(path))

    def told(*words):
        return run_in(program, "-f", "-c", ZSH, "zsh", str(path), *words)

    assert set(told("reactor", "")) >= {"serve", "get", "bench", "completion"}
    for command, parser in every_command().items():
        specs = told("reactor", command, "--")
        named = {spec.removeprefix("*").partition("[")[0].rstrip("+=") for spec in specs}
        assert named >= {name for action in parser._actions for name in action.option_strings}
        assert all(spec.count("[") >= spec.count("]") > 0 for spec in specs if "[" in spec)
    [model] = [spec for spec in told("reactor", "serve", "") if spec.startswith("*--model=")]
    assert model.endswith(":MODEL:(reactor threads)")
    [output] = [spec for spec in told("reactor", "get", "") if spec.startswith("*-o+")]
    assert output.endswith(":FILE:_files")


def test_a_shell_that_is_not_known_is_said():
    done = run_reactor("completion", "csh")
    assert done.returncode == 2
    assert "choose from" in done.stderr
