"""Options of `serve` from a file and from variables: who wins, and what is said of a mistake."""

from __future__ import annotations

import http.client
import socket
import tomllib

import pytest
from option_table import parser_of
from processes import eventually, run_reactor, serving

from reactor.cli.configuration import configured, ignored_variables, keys_of, read_again
from reactor.cli.settings_file import written
from reactor.cli.target import WrongUsage
from reactor.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shop.py").write_text(
        "from reactor import Response\n\ndef app(request):\n    return Response(200, {}, b'shop')\n"
    )
    return tmp_path


def options_of(folder, *words, **variables):
    return configured(parser_of("serve"), words, variables, str(folder))


def file_of(folder, text, name="reactor.toml"):
    path = folder / name
    path.write_text(text)
    return ["--config", str(path)]


def test_the_nearest_to_the_command_wins(folder):
    words = file_of(folder, "[serve]\nport = 1\nbacklog = 11\nlog_level = 'error'\n")
    variables = {"REACTOR_SERVE_PORT": "2", "REACTOR_SERVE_BACKLOG": "12"}
    options = options_of(folder, *words, "--port", "3", **variables)
    assert (options.port, options.backlog, options.log_level) == (3, 12, "error")
    assert (options.forwarded, options.access_log) == ("x-forwarded", True)
    assert {name: setting.origin for name, setting in options.settings.items()} == {
        "config": "the command line",
        "port": "the command line",
        "backlog": "REACTOR_SERVE_BACKLOG",
        "log_level": words[1],
    }


def test_a_source_replaces_a_list(folder):
    words = file_of(folder, "[serve]\nheader = ['A: 1', 'B: 2']\nindex = 'x'\n")
    assert options_of(folder, *words).headers == [("A", "1"), ("B", "2")]
    assert options_of(folder, *words, "--header", "C: 3").headers == [("C", "3")]
    two = {"REACTOR_SERVE_HEADER": "D: 4\nE: 5\n"}
    assert options_of(folder, *words, **two).headers == [("D", "4"), ("E", "5")]
    assert options_of(folder, *words).index == ["x"]


@pytest.mark.parametrize(
    ("below", "above", "name", "left"),
    [
        ("bind = 'unix:s'", ["--port", "80"], "bind", []),
        ("bind = 'localhost'", ["--port", "80"], "bind", ["localhost"]),
        ("host = '::1'\nport = 80", ["--bind", "unix:s"], "host", None),
        ("host = '::1'\nport = 80", ["--bind", "unix:s"], "port", None),
        ("directory = 'public'", ["docs"], "directory", None),
        ("ssl_certfile = 'c'\nssl_keyfile = 'k'", ["--tls-self-signed"], "keyfiles", None),
        ("ssl_certfile = 'c'\nssl_keyfile = 'k'", ["--certfile", "d"], "keyfiles", None),
        ("uds = 's'\nbind = '[::1]:80'", [], "bind", ["unix:s", "[::1]:80"]),
    ],
)
def test_what_stands_in_the_place_of_what(folder, below, above, name, left):
    value = getattr(options_of(folder, *file_of(folder, f"[serve]\n{below}\n"), *above), name)
    assert (list(map(str, value)) if isinstance(value, list) else value) == left


def test_switches_are_switched_off_too(folder):
    words = file_of(folder, "[serve]\nspa = true\nlisting = false\naccess-log = false\n")
    options = options_of(folder, *words)
    assert (options.spa, options.listing, options.access_log) == (True, False, False)
    options = options_of(folder, *words, REACTOR_SERVE_SPA="off", REACTOR_SERVE_ACCESS_LOG="YES")
    assert (options.spa, options.access_log) == (None, True)
    assert options_of(folder, *words, "--listing").listing is True


def test_a_flag_whose_value_may_be_left_out(folder):
    words = file_of(folder, "[serve]\nmetrics = true\n")
    assert options_of(folder, *words).metrics == "127.0.0.1:9464"
    assert options_of(folder, *words, REACTOR_SERVE_METRICS="false").metrics is None
    assert options_of(folder, REACTOR_SERVE_METRICS="true").metrics == "127.0.0.1:9464"
    assert options_of(folder, REACTOR_SERVE_METRICS="unix:m").metrics == "unix:m"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[serve]\nprot = 1\n", "there is no option prot; did you mean port?"),
        ("[serve]\nno_listing = true\n", "there is no option no_listing; did you mean listing?"),
        ("[serve]\nreuse_port = true\n", "reuse_port: name each address to listen on"),
        ("[serve]\nconfig = 'x'\n", "there is no option config"),
        ("[serve]\nversion = true\n", "there is no option version"),
        ("[serve]\nport = true\n", "port: write a number"),
        ("[serve]\nport = 70000\n", "port: "),
        ("[serve]\nport = [1]\n", "port: write one value, not a list"),
        ("[serve]\nport = 1.5\n", "port: '1.5' is no port"),
        ("[serve]\nslow_request = -1\n", "slow_request: '-1'"),
        (f"[serve]\nlimit_request_body = {10**30}\n", f"limit_request_body: '{10**30}'"),
        ("[serve]\nspa = 'yes'\n", "spa: write true or false"),
        ("[serve]\nspa = 1\n", "spa: write true or false"),
        ("[serve]\nheader = 'no colon'\n", "header: 'no colon': write NAME:VALUE"),
        ("[serve]\nheader = [[1]]\n", "header: write a text, or a list of them"),
        ("[serve]\nheader = {A = 'b'}\n", "header: write a text, or a list of them"),
        ("[serve]\nmodel = 'fibers'\n", "model: invalid choice: 'fibers'"),
        ("[serve]\nmodel = true\n", "model: write one of 'reactor', 'threads'"),
        ("[serve]\nhost = 5\n", "host: write it in quotes"),
        ("[serve]\nuds_mode = 0o660\n", "uds_mode: write it in quotes"),
        ("[serve]\npid = 'a'\npid_file = 'b'\n", "pid_file is said already, under another name"),
        ("[serve]\naccess_log = true\naccess-log = true\n", "access-log is there twice"),
        ("[serve]\nssl_keyfile_password = 'sesame'\n", "a password does not stand among settings"),
        ("[server]\nport = 1\n", "server is not read: options stand below [serve]"),
        ("port = 1\n[serve]\n", "port is not read: options stand below [serve]"),
        ("serve = 1\n", "serve is no table: write [serve]"),
        ("", " has no [serve]"),
        ("[serve\n", " is no TOML: "),
        ("[serve]\nport = 1\nport = 2\n", " is no TOML: "),
    ],
)
def test_a_mistake_in_a_file_is_one_sentence(folder, text, said):
    words = file_of(folder, text)
    with pytest.raises(ConfigurationError) as raised:
        options_of(folder, *words)
    sentence = str(raised.value)
    assert sentence.startswith(words[1])
    assert said in sentence
    assert "sesame" not in sentence
    assert "\n" not in sentence


def test_what_is_no_text_file(folder):
    (folder / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="is no TOML"):
        options_of(folder, "-c", "binary.toml")
    with pytest.raises(ConfigurationError, match="has more than"):
        options_of(folder, "-c", "/dev/zero")
    with pytest.raises(ConfigurationError, match=r"cannot read .*missing.toml: No such file"):
        options_of(folder, "-c", "missing.toml")
    with pytest.raises(ConfigurationError, match=r"cannot read .*: Is a directory"):
        options_of(folder, "-c", ".")


def test_numbers_as_numbers_and_as_texts(folder):
    text = "[serve]\nport = '80'\ntimeout_header = 2\nssl_min = 1.3\nuds_mode = 660\nfd = '3'\n"
    options = options_of(folder, *file_of(folder, text.replace("660", "'660'")))
    assert (options.port, options.header_timeout_s, options.tls_minimum) == (80, 2, "1.3")
    assert (options.uds_mode, list(map(str, options.bind))) == (0o660, ["fd:3"])


# Which pyproject.toml is the application's own.


PROJECT = "[project]\nname = 'shop'\n[tool.reactor.serve]\nbacklog = 9\n"


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["shop:app"], True),
        (["shop:make()"], True),
        (["package.web:app"], True),
        (["--app-dir", "src", "inside:app"], True),
        (["json:loads"], False),
        (["."], False),
        ([], False),
        (["shop"], False),
        (["--app-dir", "/", "tmp:app"], False),
        (["--app-dir", "src"], False),
        (["-d", "src"], False),
        (["-c", "other.toml", "shop:app"], False),
        (["../shop:app"], False),
    ],
)
def test_which_pyproject_is_read(folder, words, read):
    file_of(folder, PROJECT, "pyproject.toml")
    file_of(folder, "[serve]\n", "other.toml")
    for below in ("package", "src"):
        (folder / below).mkdir()
    (folder / "src" / "inside.py").write_text("")
    assert (options_of(folder, *words).backlog == 9) == read


def test_a_foreign_folder_says_nothing_of_its_own_serving(folder):
    (folder / "foreign").mkdir()
    file_of(folder / "foreign", PROJECT.replace("backlog", "nonsense"), "pyproject.toml")
    assert options_of(folder, "foreign").backlog == 2048
    # Whoever names it wants it.
    with pytest.raises(ConfigurationError, match="nonsense"):
        options_of(folder, "-c", "foreign/pyproject.toml", "foreign")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[project]\nname = 'x'\n", None),
        ("[tool.ruff]\n", None),
        ("what is this", None),
        ("[tool.reactor]\nserver = {}\n", "tool.reactor.server is not read"),
        ("[tool.reactor.serve]\nprot = 1\n", "there is no option prot; did you mean port?"),
        ("[tool.reactor.serve\n", "is no TOML"),
    ],
)
def test_a_pyproject_that_is_only_there(folder, text, said):
    file_of(folder, text, "pyproject.toml")
    if said is None:
        assert options_of(folder, "shop:app").backlog == 2048
    else:
        with pytest.raises(ConfigurationError, match=said):
            options_of(folder, "shop:app")


def test_with_chdir_it_is_the_one_there(folder):
    (folder / "there").mkdir()
    (folder / "there" / "shop.py").write_text("")
    file_of(folder / "there", PROJECT, "pyproject.toml")
    assert options_of(folder, "--chdir", "there", "shop:app").backlog == 9


# The environment.


def test_what_an_orchestrator_sets_does_not_hurt(folder):
    variables = {
        "REACTOR_SERVE_SERVICE_HOST": "10.0.0.1",
        "REACTOR_SERVE_SERVICE_PORT": "80",
        "REACTOR_SERVE_PORT": "tcp://10.0.0.1:80",
        "REACTOR_SERVE_PORT_80_TCP": "tcp://10.0.0.1:80",
        "REACTOR_SERVE_PORT_80_TCP_PROTO": "tcp",
        "REACTOR_PORT": "tcp://10.0.0.1:80",
        "REACTOR_SERVE_BACKLOG": "",
    }
    assert options_of(folder, **variables).settings == {}
    assert "REACTOR_SERVE_PORT" in ignored_variables(parser_of("serve"), variables)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PORT", "http", "REACTOR_SERVE_PORT: 'http'"),
        ("SPA", "maybe", "REACTOR_SERVE_SPA: write true or false"),
        ("ENV", "sesame", "REACTOR_SERVE_ENV: a variable is written NAME=VALUE"),
        ("CONFIG", "none.toml", "cannot read"),
        ("MODEL", "fibers", "REACTOR_SERVE_MODEL: invalid choice"),
        ("PIDFILE", "b", "REACTOR_SERVE_PIDFILE is said already, under another name"),
    ],
)
def test_a_mistake_in_a_variable_is_one_sentence(folder, name, text, said):
    variables = {f"REACTOR_SERVE_{name}": text}
    if name == "PIDFILE":
        variables["REACTOR_SERVE_PID"] = "a"
    # What its file says is no usage of the command.
    with pytest.raises(ConfigurationError if name == "CONFIG" else WrongUsage) as raised:
        options_of(folder, **variables)
    assert said in str(raised.value)
    assert "sesame" not in str(raised.value)


def test_a_variable_names_the_file(folder):
    file_of(folder, "[serve]\ntarget = 'shop:app'\nport = 7\n")
    options = options_of(folder, REACTOR_SERVE_CONFIG="reactor.toml")
    assert (options.target, options.port) == ("shop:app", 7)


# Each option, and again.


def test_every_flag_is_a_key(folder):
    keys = keys_of(parser_of("serve"))
    flags = {name for action in parser_of("serve")._actions for name in action.option_strings}
    kept_out = {"--help", "--version", "--config", "--check-config", "--print-config"}
    for flag in flags - kept_out:
        if flag.startswith("--") and not flag.startswith("--no-"):
            known = flag[2:].replace("-", "_") in keys
            idle = parser_of("serve")._option_string_actions[flag].dest == "already"
            assert known != idle, flag
    assert "target" in keys


def test_it_is_read_again(folder):
    words = file_of(folder, "[serve]\nbacklog = 1\nport = 1\naccess_log = false\n")
    options = options_of(folder, *words)
    file_of(folder, "[serve]\nbacklog = 1\nport = 2\n")
    assert options.read_again().port == 2
    now, kept = read_again(options)
    assert (now.port, now.access_log, kept) == (1, True, ["--port"])
    file_of(folder, "[serve]\nbacklog = 1\nport = 1\nssl_certfile = 'x'\n")
    assert read_again(now)[1] == ["--ssl-certfile"]
    assert {"workers", "timeout", "certfiles", "reload_dirs", "metrics"} <= options.kept.keys()
    file_of(folder, "[serve]\nprot = 2\n")
    with pytest.raises(ConfigurationError):
        read_again(options)


def test_what_is_printed_says_the_same(folder):
    text = r"""
        [serve]
        target = "shop:app"
        bind = ["unix:a b\"\\", "127.0.0.1:80,proxy=any"]
        uds_mode = "660"
        header = ["X-A: b=c"]
        static = ["/s=p=q"]
        trusted_proxy = ["10.0.0.0/8,unix", "::1"]
        listing = false
        timeout_header = 0.25
        model = "threads"
    """
    first = options_of(folder, *file_of(folder, text))
    keys = keys_of(parser_of("serve"))
    page = written(keys, first, ["REACTOR_SERVE_X"])
    again = options_of(folder, *file_of(folder, page, "again.toml"))
    for action in keys.values():
        assert getattr(again, action.dest) == getattr(first, action.dest), action.dest
    assert set(tomllib.loads(page)["serve"]) == set(tomllib.loads(text)["serve"])
    assert "# backlog = 2048  # default\n" in page
    assert page.endswith("# REACTOR_SERVE_X sets no option: it is ignored\n")


# On a real server.


def test_print_config_shows_no_secret_and_starts_nothing(folder):
    file_of(folder, "[tool.reactor.serve]\nenv = ['TOKEN=sesame']\n", "pyproject.toml")
    (folder / "shop.py").write_text("raise SystemExit('it was imported')")
    words = ["--ssl-certfile", "c", "--ssl-keyfile-password", "sesame"]
    done = run_reactor("serve", "shop:app", *words, "--print-config", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "sesame" not in done.stdout
    assert "# env sets TOKEN, whose values are not shown" in done.stdout
    assert "# ssl_keyfile_password is not shown  # the command line" in done.stdout


def test_check_config_loads_all_and_binds_nothing(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_reactor("serve", "shop:app", "--port", port, "--check-config", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"shop:app would be served on 127.0.0.1:{port}\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["shop:nothing"], 3, "has no attribute 'nothing'"),
        (["broken:app"], 3, "cannot import broken:app: ZeroDivisionError"),
        (["shop:app", "--ssl-certfile", "none.pem"], 3, "none.pem"),
        (["shop:app", "--user", "nobody-of-that-name"], 3, "there is no user"),
        (["shop:app", "--body-dir", "none"], 3, "none"),
        (["shop:app", "--allowed-host", "a b"], 2, "a b"),
        (["shop:app", "--trusted-proxy", "1.2.3.4.5"], 2, "1.2.3.4.5"),
        (["shop:app", "-b", "127.0.0.1:0,tls"], 2, "goes with --ssl-certfile"),
        (["shop:app", "--loop", "asyncio", "--model", "threads"], 2, "leave out --model threads"),
        (["waits:app", "--loop", "reactor"], 2, "waits:app is asynchronous"),
        (["shop:app", "--chdir", "none"], 3, "--chdir none"),
        (["shop:app", "--reload", "--reload-dir", "none"], 3, "--reload-dir none"),
        (["shop:app", "--static", "/s=none"], 3, "none"),
        (["-c", "none.toml", "shop:app"], 3, "cannot read"),
        (["shop:app", "--spa"], 2, "only a folder has such options"),
        (["shop:app", "-c", "gunicorn.conf.py"], 2, "no Python file is run"),
    ],
)
def test_check_config_says_what_is_wrong(folder, words, code, said, capfd, monkeypatch):
    from reactor.cli import main

    (folder / "broken.py").write_text("1 / 0")
    (folder / "waits.py").write_text("async def app(scope, receive, send): pass\n")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    try:
        assert main(["serve", *words, "--check-config"]) == code
    except SystemExit as done:
        assert done.code == code
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err.splitlines()[-1]


def test_a_typo_in_a_file_stops_the_start(folder):
    file_of(folder, "[tool.reactor.serve]\nlog_levle = 'debug'\n", "pyproject.toml")
    done = run_reactor("serve", "shop:app", "--port", "0", cwd=folder)
    sentence = f"{folder}/pyproject.toml: there is no option log_levle; did you mean log_level?"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"reactor: {sentence}\n")


def test_a_server_is_what_its_file_says(folder):
    (folder / "public").mkdir()
    text = "[serve]\ntarget = 'public'\nport = 0\nheader = 'X-By: file'\nallow_root = true\n"
    words = file_of(folder, f"{text}allowed_host = '*'\n")
    with serving(
        *words, "--port", "0", cwd=folder, env={"REACTOR_SERVE_ACCESS_LOG": "0"}
    ) as server:
        connection = http.client.HTTPConnection(*server.address)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert (response.status, response.getheader("X-By")) == (200, "file")
        connection.close()
        eventually(lambda: len(server.sockets()) == 1, "the connection is closed")
        server.stop()
        assert server.access_log == []
