#!/bin/sh
# CPU seconds (user+system) of this client and of curl on the same nginx, A B B A.
#   bench/client_cpu.sh big      one file of 1 GiB to /dev/null
#   bench/client_cpu.sh many     10,000 small files over kept connections
#   bench/client_cpu.sh start    start-up: the client's import, against `import socket, ssl`
set -eu
python=${PYTHON:-.venv/bin/python} port=${PORT:-38471} place=$(mktemp -d) server=
trap 'test -z "$server" || { kill "$server"; wait "$server" || :; }; rm -r "$place"' EXIT
trap 'exit 130' INT TERM
cpu() { bash -c 'TIMEFORMAT="%U %S"; { time "$@" >/dev/null 2>&3; } 3>&2 2>&1' _ "$@" | awk '{ print $1 + $2 }'; }
serve() {
    mkdir "$place/site"
    cat >"$place/conf" <<CONF
daemon off; worker_processes 1; pid $place/pid; error_log /dev/null;
events { worker_connections 256; }
http { access_log off; sendfile on; keepalive_requests 1000000;
       server { listen 127.0.0.1:$port; root $place/site; } }
CONF
    chmod 755 "$place"
    nginx -c "$place/conf" -p "$place" >"$place/log" 2>&1 & server=$!
    curl -s -o /dev/null --retry 50 --retry-connrefused --retry-delay 1 --retry-max-time 10 \
        "http://127.0.0.1:$port/" || { echo "client_cpu.sh: nginx does not start on $port" >&2; exit 1; }
}
pair() { # ours, then curl's, then curl's, then ours
    echo "ours $(cpu $ours) curl $(cpu $theirs) curl $(cpu $theirs) ours $(cpu $ours)"
}
case ${1:-} in
big)
    serve; head -c 1073741824 /dev/zero >"$place/site/big"
    ours="$python bench/client_fetch.py http://127.0.0.1:$port/big 1"
    theirs="curl -s -o /dev/null http://127.0.0.1:$port/big" ;;
many)
    serve; for i in $(seq 10000); do echo "small $i" >"$place/site/$i"; done
    ours="$python bench/client_fetch.py http://127.0.0.1:$port/{} 10000"
    theirs="curl -s --no-progress-meter --parallel --parallel-max 6 -o /dev/null http://127.0.0.1:$port/[1-10000]" ;;
start)
    for i in 1 2 3 4 5; do
        echo "socket+ssl $(cpu "$python" -c 'import socket, ssl') client $(cpu "$python" -c 'import reactor.client')"
    done
    exit ;;
*) echo "client_cpu.sh: say what to measure: big, many or start" >&2; exit 2 ;;
esac
for i in 1 2 3; do pair; done
