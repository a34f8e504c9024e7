"""What users of other programs type: it means the same here, or one sentence says what to use."""

from __future__ import annotations

import contextlib
import gzip
import re
import shlex

import habit_table
import pytest
from made_parts import part
from option_table import parser_of
from processes import exchange, serving

from reactor.cli import _parser, foreign, main

ROWS = [(command, habit) for command, habits in habit_table.TABLES.items() for habit in habits]
WORKING = [row for row in ROWS if row[1].same_as is not None]
REFUSED = [row for row in ROWS if row[1].same_as is None]
#: What only says that an option of another program is not needed.
IDLE = {"already", "remote_name", "refuse", "run"}


def named(row):
    return f"{row[0]} {row[1].typed}"


def parsed(command, words):
    """All that the parser makes of them."""
    try:
        options, rest = _parser([command]).parse_known_args([command, *shlex.split(words)])
    except SystemExit as done:  # --version
        return done.code
    found = {name: value for name, value in vars(options).items() if name not in IDLE}
    if command == "serve":
        # The folder is one, however it is said; so is an address.
        found["target"] = found.pop("directory") or found["target"]
        found["host"] = ",".join(map(str, found.pop("bind"))) or found["host"]
    return found, rest


@pytest.mark.parametrize("row", WORKING, ids=named)
def test_it_means_the_same_here(row, capfd):
    command, habit = row
    assert parsed(command, habit.typed) == parsed(command, habit.same_as)


def test_what_means_something_else_is_seen():
    assert parsed("serve", "-p 9000") != parsed("serve", "-p 9001")
    assert parsed("serve", "-b unix:a") != parsed("serve", "--uds b")
    assert parsed("serve", "-d docs") != parsed("serve", "tests")


@pytest.mark.parametrize("row", REFUSED, ids=named)
def test_one_sentence_says_what_to_use(row, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    command, habit = row
    with contextlib.suppress(SystemExit):
        assert main([command, *shlex.split(habit.typed)]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    said = re.fullmatch(rf"reactor[^\n]*: [^\n]{{8,}} \(see reactor {command} --help\)\n", err)
    assert said, err
    assert "there is no option" not in err


def test_there_are_120_options():
    typed = {word for _, habit in ROWS for word in habit.typed.split() if word.startswith("-")}
    assert len(typed) >= 120


@pytest.mark.parametrize("command", ["serve", "get"])
def test_no_sentence_is_of_an_option_that_there_is(command):
    names = [
        name
        for names in {"serve": foreign.SERVE, "get": foreign.GET}[command]
        for name in names.split()
    ]
    assert len(names) == len(set(names))
    known = {name for action in parser_of(command)._actions for name in action.option_strings}
    assert known & set(names) == set(), "it works now: take it out of reactor/cli/foreign.py"


@pytest.mark.parametrize("command", habit_table.TABLES)
def test_the_page_has_the_table(command):
    made = habit_table.table(command, habit_table.TABLES[command])
    stale = "docs/habits.md is stale: run python tests/habit_table.py"
    assert part(habit_table.PAGE, f"tests/habit_table.py: {command}") == made, stale


@pytest.mark.parametrize("command", ["serve", "get"])
def test_a_sentence_names_only_options_that_there_are(command):
    known = {name for action in parser_of(command)._actions for name in action.option_strings}
    of_other_programs = {"-u", "-a"} if command == "serve" else {"-c"}  # sudo and exec; head
    for sentence in {"serve": foreign.SERVE, "get": foreign.GET}[command].values():
        for name in re.findall(r"(?<![\w/-])--?[a-zA-Z][\w-]*", sentence):
            assert name in known | of_other_programs, sentence


def test_what_need_not_be_said_is_so(tmp_path):
    """The switches of other servers that do nothing here, as far as an answer shows it."""
    (tmp_path / "a.txt").write_text("as it is")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"as it is"))
    (tmp_path / ".hidden").write_text("")
    with serving(tmp_path) as server:

        def ask(target, *fields):
            head = "\r\n".join(
                [f"GET {target} HTTP/1.1", "Host: localhost", "Connection: close", *fields]
            )
            return exchange(server.address, f"{head}\r\n\r\n".encode()).decode("latin-1")

        assert "\r\nContent-Encoding: gzip\r\n" in ask("/a.txt", "Accept-Encoding: gzip")
        assert "a.txt" in ask("/")  # --browse
        assert ask("/.hidden").startswith("HTTP/1.1 404")
        fields = re.findall(r"^(Server|Date): ", ask("/"), re.MULTILINE)
        assert sorted(fields) == ["Date", "Server"]
