"""``reactor bench``: servers compared in one run; ``reactor bench compare OLD NEW``."""

from __future__ import annotations

import argparse
import functools
import importlib.util
import shlex
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import reactor
from reactor.apps.current_folder import current_folder
from reactor.bench.access_logs import ACCESS_LOGS
from reactor.bench.answers import VARIED, Right
from reactor.bench.comparison import Comparison, Contender
from reactor.bench.memory import idle_slope
from reactor.bench.peers import NAMES, OURS, WEBSOCKET_NAMES, Peers
from reactor.bench.results import Failure, Plan, Results
from reactor.bench.running import Running
from reactor.bench.served.apps import BODY, MESSAGE, make_site
from reactor.bench.servers import (
    NotServed,
    end_servers_on_signals,
    missing,
    raise_descriptor_limit,
)
from reactor.cli.numbers import above_zero, whole
from reactor.cli.output import say, shown
from reactor.errors import ConfigurationError
from reactor.limits import DEFAULT_LIMITS
from reactor.load.varied import DEFAULT as VARIATIONS

SWEEP = (1, 10, 100, 1_000, 9_000)
IDLE = 9_000
SPARE_DESCRIPTORS = 500  # of a server or generator beside its connections
WARM_UP_S = 0.5  # until caches are full: what is measured is a server that runs
COUNT = whole(1, 999_999)


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "bench",
        help="compare servers in one run, with intervals and a verdict",
        description="Compare servers in one run: slots in turn, each on one core, the load "
        "generator on another, every answer checked. `bench compare OLD.json NEW.json` says what "
        "changed between two runs, and exits 1 on a regression.",
    )
    parser.add_argument("words", nargs="*", metavar="compare OLD NEW", help="two --json files")
    parser.add_argument(
        "--against",
        default=None,
        metavar="NAMES",
        help="what reactor is compared with: names, with commas between, from "
        f"{', '.join(NAMES)}; default: threads",
    )
    parser.add_argument(
        "--target", help="what reactor and threads serve, as in `serve`; or the URL of a server"
        " that runs on this machine; default: a small page",
    )  # fmt: skip
    _add_load(parser)
    parser.add_argument(
        "--pairs",
        type=COUNT,
        default=12,
        metavar="N",
        help="slots of each server; all are started anew after two; default: %(default)s",
    )
    parser.add_argument("--slot", type=above_zero, default=0.6, metavar="SECONDS")
    parser.add_argument(
        "--sweep", action="store_true", help="at 1, 10, 100, 1,000 and 9,000 connections"
    )
    parser.add_argument(
        "--p99", type=above_zero, metavar="MS", help="find the highest rate with p99 within it"
    )
    parser.add_argument("--memory", action="store_true", help="bytes for an idle connection")
    parser.add_argument(
        "--python", default=sys.executable, metavar="PATH", help="the interpreter with the peers"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="a page with plots; needs matplotlib"
    )
    parser.set_defaults(run=run)


def _add_load(parser: Any) -> None:
    parser.add_argument("-c", "--connections", type=COUNT, default=64, metavar="N")
    parser.add_argument(
        "-R", "--rate", type=above_zero, help="requests a second, an open loop; default: closed"
    )
    parser.add_argument("--pipeline", type=COUNT, default=1, metavar="N")
    parser.add_argument(
        "--varied",
        type=whole(1, DEFAULT_LIMITS.load_varied_max),
        nargs="?",
        const=VARIATIONS,
        default=0,
        metavar="N",
        help="N different requests, and an answer to each its own; without N: %(const)s",
    )
    parser.add_argument("--close", action="store_true", help="a connection for each request")
    parser.add_argument(
        "--access-log",
        action="store_true",
        help="each server writes its access log to a file; default: none has one",
    )
    parser.add_argument(
        "--websocket",
        action="store_true",
        help=f"messages of {len(MESSAGE)} bytes that come back; among {', '.join(WEBSOCKET_NAMES)}",
    )


def run(options: argparse.Namespace) -> int:
    if options.words:
        return _compare(options.words)
    if why := missing():
        raise ConfigurationError(why)
    if shutil.which(options.python) is None:
        raise ConfigurationError(f"--python {options.python}: there is no such program")
    if options.close and options.pipeline > 1:
        raise ConfigurationError(
            "a connection that is closed after each request has no pipeline: "
            "leave out --close or --pipeline"
        )
    if options.varied and options.target is not None and not _is_url(options.target):
        raise ConfigurationError(
            f"what {options.target} answers to --varied requests is not known: leave out "
            "--target, or give the URL of what answers all of them alike"
        )
    if options.access_log and (options.websocket or _is_url(options.target)):
        raise ConfigurationError(
            "--access-log tells servers that are started here to log requests: leave out "
            "--websocket, and start a URL's server with its log"
        )
    if options.websocket and (options.varied or options.close or options.target or options.memory):
        raise ConfigurationError(
            "--websocket compares echoes on connections that stay: leave out --varied, --close, "
            "--target and --memory"
        )
    connections = SWEEP if options.sweep else (options.connections,)
    _check_descriptors(max(*connections, IDLE if options.memory else 1))
    _check_files(options)
    with tempfile.TemporaryDirectory() as folder:
        return _run(options, connections, Path(folder))


def _is_url(target: str | None) -> bool:
    return target is not None and target.startswith(("http://", "https://"))


def _run(options: argparse.Namespace, connections: tuple[int, ...], folder: Path) -> int:
    """Report, whatever happens; the exit code."""
    site = folder / "site"
    site.mkdir()
    make_site(site)
    peers = Peers(folder, site, options.python, options.target)
    contenders, failures = _contenders(options, peers)
    comparison = Comparison(
        _plan(options),
        contenders,
        right=_right(options),
        tell=_progress,
        command_line=["reactor", *sys.argv[1:]],
    )
    comparison.results.failures.extend(failures)
    end_servers_on_signals()
    code = 0
    try:
        comparison.run(connections)
        if options.p99 is not None:
            comparison.highest_rates(options.p99 / 1e3)
        if options.memory:
            _measure_memory(comparison, contenders)
    except KeyboardInterrupt:
        comparison.results = replace(comparison.results, complete=False)
        code = 130
    _progress("")
    comparison.results.environment.configurations.update(peers.configurations)
    _report(comparison.results, options)
    return code or bool(comparison.results.failures)


def _right(options: argparse.Namespace) -> Right | None:
    """None: what a target of the user's answers is learnt from it."""
    if options.target is not None:
        return None
    if options.websocket:
        return Right(MESSAGE, websocket=True)
    return VARIED if options.varied else Right(BODY)


def _plan(options: argparse.Namespace) -> Plan:
    page = "to each request its own page" if options.varied else "a small page"
    if options.websocket:
        page = f"an echo of {len(MESSAGE)} bytes over a WebSocket"
    return Plan(
        target=options.target or page,
        connections=options.connections,
        rate=options.rate,
        pipeline=options.pipeline,
        keep_alive=not options.close,
        pairs=options.pairs,
        slot_s=options.slot,
        warm_up_s=WARM_UP_S,
        seed=1,
        varied=options.varied,
        access_log=options.access_log,
    )


def _contenders(options: argparse.Namespace, peers: Peers) -> tuple[list[Contender], list[Failure]]:
    """Those to compare, and those that are not there."""
    target = options.target
    varied = bool(options.varied)
    if _is_url(target):
        if options.against:
            raise ConfigurationError(
                f"what {options.against} would serve is not what {target} is: "
                "leave out --against, or give a TARGET of `serve`"
            )
        names = []
        contenders = [Contender("url", lambda: Running("url", target))]
    else:
        names = ["reactor"]
        contenders = []
    against = [name for name in (options.against or "").split(",") if name]
    if options.against is not None and not {*against} - {"reactor"}:
        raise ConfigurationError(
            f"--against {options.against!r} names nothing to compare reactor with: "
            f"choose from {', '.join(NAMES[1:])}"
        )
    names += against or ([] if contenders else ["asgi" if options.websocket else "threads"])
    known = WEBSOCKET_NAMES if options.websocket else NAMES
    failures = []
    versions = peers.versions()
    for name in dict.fromkeys(names):
        if name not in known:
            raise ConfigurationError(f"there is no server {name!r}: choose from {', '.join(known)}")
        if target is not None and name not in ("reactor", "threads"):
            raise ConfigurationError(
                f"{name} serves a page of its own, not {target}: leave out --target, or {name}"
            )
        if name in peers.unusable:
            failures.append(Failure(name, f"{name} is left out: {peers.unusable[name]}"))
            continue
        version = reactor.__version__ if name in OURS else versions.get(name)
        logs = options.access_log and name in ACCESS_LOGS
        make = functools.partial(
            peers.server, name, varied=varied, websocket=options.websocket, access_log=logs
        )
        contenders.append(Contender(name, make, version, differs={"access_log": logs}))
    return contenders, failures


def _measure_memory(comparison: Comparison, contenders: list[Contender]) -> None:
    for one in contenders:
        _progress(f"{one.name}: memory of {IDLE:,} idle connections")
        try:
            with one.make() as server:
                body = server.learn()
                comparison.memory(one.name, idle_slope(server, body, IDLE)[0])
        except NotServed as error:
            comparison.results.failures.append(Failure(one.name, str(error)))


def _report(results: Results, options: argparse.Namespace) -> None:
    from reactor.cli.bench_tables import show

    try:
        if options.json is not None:
            results.write(options.json)
        if options.html is not None:
            from reactor.bench.page import page  # imports matplotlib

            options.html.write_text(page(results), encoding="utf-8")
        show(results)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigurationError(f"the report cannot be written: {error}") from error
    for sentence in said_once(results.failures):
        say(sentence)


def said_once(failures: list[Failure]) -> list[str]:
    """Their sentences; servers that failed for the same reason, as for a TARGET that is not there,
    share one."""
    names: dict[str, list[str]] = {}
    for failure in failures:
        reason = failure.sentence.removeprefix(failure.server)
        named = names.setdefault(reason, [])
        if reason != failure.sentence:  # else it does not begin with the name
            named.append(failure.server)
    return [", ".join(dict.fromkeys(named)) + reason for reason, named in names.items()]


def _compare(words: list[str]) -> int:
    if words[0] != "compare" or len(words) != 3:
        raise ConfigurationError(
            f"{shlex.join(words)!r}: write `reactor bench`, or `reactor bench compare OLD NEW`"
        )
    from reactor.bench.changes import compare
    from reactor.cli.output import Output

    try:
        old, new = (Results.read(Path(word)) for word in words[1:])
        lines, regressed = compare(old, new)
    except (ValueError, OSError) as error:  # the file, or a histogram in it
        raise ConfigurationError(str(error)) from error
    Output(sys.stdout).write("".join(f"{line}\n" for line in lines))
    return int(regressed)


def _check_files(options: argparse.Namespace) -> None:
    """Before anything is measured: a report that cannot be written is known then."""
    current_folder()
    for file in (options.json, options.html):
        if file is None:
            continue
        if not file.resolve().parent.is_dir():
            raise ConfigurationError(f"{file} cannot be written: its folder does not exist")
        if file.is_dir():
            raise ConfigurationError(f"{file} cannot be written: it is a folder")
    if options.html is not None and importlib.util.find_spec("matplotlib") is None:
        raise ConfigurationError(
            "--html needs matplotlib, which is not installed: pip install 'reactor-httpd[bench]', "
            "or in a clone of the sources: pip install -e '.[bench]'"
        )


def _check_descriptors(connections: int) -> None:
    limit = raise_descriptor_limit()
    if connections + SPARE_DESCRIPTORS > limit:
        raise ConfigurationError(
            f"{connections:,} connections need {connections + SPARE_DESCRIPTORS:,} descriptors, "
            f"and {limit:,} are allowed: raise `ulimit -n`"
        )


def _progress(sentence: str) -> None:
    """The line that says what goes on, on a terminal only."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{shown(sentence)[:100]}")
        sys.stderr.flush()
