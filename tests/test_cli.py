"""The command line itself: what it says of words that it does not know."""

from __future__ import annotations

import pytest

from reactor.cli import COMMANDS, main


@pytest.fixture
def wrong(capfd):
    """The one sentence that a wrong command line is answered with."""

    def run(*words):
        with pytest.raises(SystemExit) as raised:
            main([*words])
        out, err = capfd.readouterr()
        assert (raised.value.code, out, err.count("\n")) == (2, "", 1)
        return err.strip()

    return run


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("serve --prot 8080", "there is no option --prot; did you mean --port?"),
        ("serve . --prot 8080", "there is no option --prot; did you mean --port?"),
        ("serve --prot=8080 --nonsense", "there is no option --prot; did you mean --port?"),
        ("serve --no-listings", "there is no option --no-listings; did you mean --no-listing?"),
        ("serve --wibble", "there is no option --wibble"),
        ("--versio_", "there is no option --versio_; did you mean --version?"),
        ("--wibble", "there is no option --wibble"),
        ("sever", "there is no command sever; did you mean serve?"),
        ("bnech --port 1", "there is no command bnech; did you mean bench?"),
        ("wibble", "there is no command wibble: choose serve, get, ws, top, bench, completion"),
        ("get -X G@T http://a", "argument -X/--request/--method: 'G@T' is no method"),
        ("get -H A@B:c http://a", "argument -H/--header: a field's name is"),
        ("get -A a\nb http://a", "argument -A/--user-agent: a field's value is one line"),
        ("get -e a\rb http://a", "argument -e/--referer: a field's value is one line"),
        ("serve --limit-request-line 63", "argument --limit-request-line: '63' is no number from"),
        ("serve --limit-request-field-size 15", "argument --limit-request-field-size"),
        ("serve --index a/b", "argument --index: 'a/b' is no name of a file"),
        ("serve --index ..", "argument --index: '..' is no name of a file"),
        ("serve . a b", "too many arguments: a b"),
        ("serve \x1b[31m --\x1b", r"there is no option --\x1b"),
        ("get --max-tim 3 --contine x", "there is no option --max-tim; did you mean --max-time?"),
        ("get --max-time 3 --contine x", "there is no option --contine; did you mean --continue?"),
        ("get -@", "there is no option -@"),
        ("get -qk@ x", "there is no option -@"),
        ("get -nv x", "-nv: write -q"),
        ("serve -kgthread", "-k: write --model threads"),
        ("bench --agianst threads", "there is no option --agianst; did you mean --against?"),
    ],
)
def test_an_unknown_option_is_named_with_the_nearest_one(wrong, words, sentence):
    said = wrong(*words.split(" "))
    command = words.partition(" ")[0]
    who = "reactor" if command not in COMMANDS else f"reactor {command}"
    assert said.startswith(f"{who}: {sentence}")
    assert said.endswith(f"(see {who} --help)")


def test_no_command(wrong):
    assert (
        wrong() == "reactor: choose a command: serve, get, ws, top, bench, completion "
        "(see reactor --help)"
    )
