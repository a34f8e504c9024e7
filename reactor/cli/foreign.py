"""Options of other programs that this one does not have, and what to use instead.

What a user of uvicorn, gunicorn, http.server, http-server, miniserve, curl or wget types without
thinking, and is neither an option here nor a name of one, is answered with a sentence.
Must never be asked for an option that the parser knows. docs/habits.md has all of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_SOCKET = "name each address to listen on: --bind HOST:PORT or --bind unix:PATH"
_LOG = "write --log-config FILE, which configures Python's logging"
_OPEN = "a folder has no password here: let an application or a proxy ask for it"

SERVE = {
    # uvicorn, gunicorn, hypercorn, granian.
    "--threads": "write --model threads: a thread for each connection",
    "-k --worker-class": "write --model threads for an application that blocks, else nothing",
    "--timeout-worker-healthcheck": "write --timeout",
    "--workers-lifetime": "a worker is replaced after so many requests: --max-requests N",
    "--workers-kill-timeout": "write --timeout-graceful-shutdown",
    "--respawn-failed-workers --respawn-interval": "a worker that dies is replaced: leave it out",
    "--read-timeout": "write --timeout-body",
    "--http1-header-read-timeout": "write --timeout-header, in seconds",
    "--reload-delay --reload-engine --reload-tick": (
        "a save is seen within 0.3 s, at once if watchfiles is installed: leave it out"
    ),
    "--reload-ignore-dirs --reload-ignore-patterns --reload-ignore-paths": (
        "write --reload-exclude PATTERN"
    ),
    "--ws --ws-max-queue": "WebSockets have one implementation here, with bounds: leave it out",
    "--ws-per-message-deflate": "write --ws-deflate",
    "--url-path-prefix": "write --root-path PATH",
    "--http --h11-max-incomplete-event-size --http1-buffer-size": (
        "there is one parser: --limit-request-field-size and its like bound it"
    ),
    "--reuse-port": _SOCKET,
    "--proxy-headers": "write --trusted-proxy NETWORKS",
    "--proxy-protocol --proxy-allow-from": "write --bind ADDRESS,proxy=any and --trusted-proxy",
    "--ssl --tls -S": "write --ssl-certfile PEM --ssl-keyfile PEM, or --tls-self-signed",
    "--ssl-version": "write --ssl-min 1.2 or 1.3",
    "--cert --ssl-cert": "write --ssl-certfile PEM",
    "--key --ssl-key -K": "write --ssl-keyfile PEM",
    "--logger-class": _LOG,
    "--no-server-header": (
        "it says no more than 'reactor': an application may set its own, a folder has --header"
    ),
    "--no-date-header": "an answer has a date (RFC 9110 6.6.1): it cannot be left out",
    "-D --daemon": "let the shell (&) or systemd put it into the background",
    "-m --umask": "write --uds-mode for a socket's file, or set it in the shell (umask)",
    "-n --name": "a process is named by what starts it (exec -a NAME)",
    "--pythonpath": "write --app-dir DIR, or set PYTHONPATH",
    "--statsd-host --statsd-prefix --dogstatsd-tags": (
        "nothing is sent to statsd: write --metrics, and let Prometheus or its agent read it"
    ),
    "--metrics-address --metrics-port": "write --metrics ADDRESS:PORT",
    "--metrics-scrape-interval --enable-backlog-metric": (
        "metrics are as they are at each scrape, the accept queue among them: leave it out"
    ),
    "--no-sendfile": "a file that the kernel cannot send is read: leave this out",
    "--paste --spew --worker-tmp-dir --capture-output": "there is nothing like it: leave it out",
    "--uds-permissions": "write --uds-mode MODE",
    "--static-path-route --static-path-mount --static-map": "write --static /PREFIX=FOLDER",
    # http.server, http-server, serve, miniserve, caddy, php -S.
    "--protocol": "HTTP/1.1 and HTTP/1.0 are spoken, as the client asks: leave this out",
    "--cgi": "no program is run for a request: write it as MODULE:NAME",
    "-s": "write --spa for missing paths (serve), or --no-access-log for silence (http-server)",
    "--single": "write --spa",
    "--silent -q --quiet -L --no-request-logging": "write --no-access-log",
    "-a --address -i --interfaces": "write --host ADDRESS; folders show their entries already",
    "-l": "write --bind ADDRESS",
    "-C": "write --cors for scripts of other sites (serve), --ssl-certfile PEM (http-server)",
    "-o --open": "the first line has the address to open",
    "--cache": "write --header 'Cache-Control: max-age=SECONDS'",
    "-r --robots": "put a robots.txt into the folder",
    "--ext --pretty-urls": "a file is asked for by its whole name",
    "--mimetypes --content-type": "a type is told by the name's ending: rename the file",
    "--no-etag --no-compression": "it costs nothing: a client that does not ask is not sent it",
    "-P --no-symlinks --symlinks": "a symbolic link is followed as long as it stays inside",
    "-H --hidden --dotfiles": "hidden files are never served: rename what is to be seen",
    "--auth --auth-file --username --password": _OPEN,
    "--upload-files --mkdir --enable-zip --enable-tar": "a folder is read only: write a handler",
    "--qrcode --title --color-scheme --random-route --utc": "a folder's page has one look",
    "--route-prefix --base-dir": "write --static /PREFIX=FOLDER, beside a TARGET",
    "--proxy": "no request is handed on to another server: write a handler",
}

_FORM = "there is no multipart form: send the file itself with -T FILE, or a body with -d @FILE"
_ONE_BY_ONE = "no page is searched for links: give each URL, or a list of them with -i FILE"
_HEADER_SHOWN = "the header is printed anyway: let the shell write it, as in > FILE"

GET = {
    # curl.
    "-F --form": _FORM,
    "-G --get": "write the data behind the URL: 'URL?NAME=VALUE'",
    "--data-urlencode --url-query": "escape it yourself, and send it with -d or behind the URL's ?",
    "-D --dump-header --include": _HEADER_SHOWN,
    "-K --config": "there is no configuration file: write the options on the command line",
    "-z --time-cond": "write -H 'If-Modified-Since: DATE'",
    "-R --remote-time": "a file has the time at which it was saved: ask -v for Last-Modified",
    "--create-dirs --output-dir": "make the folder, and write -o FOLDER/NAME",
    "--max-filesize": "write -o -, and let the shell cut it: | head -c BYTES",
    "--retry-delay --retry-max-time --retry-all-errors --wait": (
        "the pauses between tries are a server's to say, or 1 s and twice as long each time: "
        "--max-time bounds them all"
    ),
    "--cert-type --key-type": "certificates and keys are in PEM: leave it out",
    "--tlsv1.2 --tlsv1.3 --ciphers": "TLS 1.2 and 1.3 are spoken; --tls-max 1.2 leaves one out",
    "--http2 --http1.0 --http3": "HTTP/1.1 is spoken: leave this out",
    "--abstract-unix-socket": "write --unix-socket PATH: a name without a file is not connected to",
    "--interface --resolve --connect-to --dns-servers": (
        "where it connects to is the URL's to say: write the address, and -H 'Host: NAME'"
    ),
    "-U": "write -A NAME for who asks (wget), -x http://NAME:PASSWORD@HOST for a proxy (curl)",
    "--proxy-user": "write -x http://NAME:PASSWORD@HOST:PORT",
    "--digest --ntlm --negotiate --anyauth": "only Basic authentication is spoken: -u NAME",
    "--oauth2-bearer": "write -H 'Authorization: Bearer TOKEN'",
    "--location-trusted": "a password is never sent to another host than the one it is for",
    "--path-as-is": "dot segments are taken out of a URL (RFC 3986 6.2.2.3)",
    "--post301 --post302 --post303": "a redirect is followed as RFC 9110 15.4 says",
    "-j --junk-session-cookies": "take the lines with an expiry of 0 out of the file",
    "--fail-with-body": "the page of a failure is no file: -v shows its header",
    "--trace --trace-ascii --stderr": "write -v, and let the shell write it: 2> FILE",
    "--keepalive-time --no-keepalive": "a connection is kept as long as the server keeps it",
    "--no-progress-meter --no-verbose -nv": "write -q",
    # wget.
    "-nc": "write --skip-existing; nothing is ever written over without -o",
    "--recursive --mirror -m- -l --level -p --page-requisites -np --no-parent -nd -nH": _ONE_BY_ONE,
    "--spider": "write -I: only the header is asked for",
    "--directory-prefix": "go to the folder first: cd FOLDER",
    "--post-file --body-file": "write -d @FILE",
    "--timeout --read-timeout --dns-timeout": "write --max-time S, or --connect-timeout S",
    "-t --tries": "write --retry N: tries after the first",
    "--timestamping": "write -H 'If-Modified-Since: DATE'",
    "--background": "let the shell put it into the background: &",
    "-B --base --accept --reject": _ONE_BY_ONE,
    "--append-output": "let the shell write what is said: 2>> FILE",
    "--password --ask-password --http-password": "write -u NAME: it asks for the password",
    "--quota": "write -o -, and let the shell cut it: | head -c BYTES",
}


def instead(command: str, option: str) -> str | None:
    """The sentence for an option of ``reactor COMMAND`` that does not exist; None: no idea."""
    for names, sentence in {"serve": SERVE, "get": GET}.get(command, {}).items():
        if option in names.split():
            return sentence
    return None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """What was meant by a name that is mistyped; None: nobody can tell."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 3)
    # Two letters that changed places are the likeliest of all.
    near = [one for one in near if sorted(one) == sorted(name)] or near
    return near[0] if near else None
