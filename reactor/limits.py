"""Every bound and time-out in reactor, each with its reason.

One immutable object, passed down by whoever builds a server, a client or a
parser. Sizes are bytes, times are seconds. A bound applies to what a message
*is*, never to how the network cut it into pieces.
"""

from __future__ import annotations

from reactor._value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class Limits(Value):
    """The bounds of one server, client or parser; the defaults are safe ones.

    Raises:
        TypeError: a bound is no number, or a count is no whole one.
        ValueError: a bound is below zero, or nan.
    """

    # --- the head of a message ------------------------------------------------------------
    # nginx and Apache allow 8 KiB a line; no browser sends a longer target. Over it: 414.
    request_line_bytes_max: int = 8 * KIB
    # One field line, name to CRLF. The largest in the wild are cookies, 4 KiB each. Over it: 431.
    field_bytes_max: int = 8 * KIB
    # All field lines of a head together (nginx: 4 buffers of 8 KiB). Over it: 431.
    fields_bytes_max: int = 32 * KIB
    # Apache's number; a browser sends about 15. Over it: 431.
    field_count_max: int = 100
    # Registered methods end at 17 characters (UPDATEREDIRECTREF). Over it: 501.
    method_bytes_max: int = 32
    # RFC 9112 2.2 asks a server to ignore at least one CRLF before a request line.
    leading_empty_lines_max: int = 8

    # --- the body of a message ------------------------------------------------------------
    # What is collected for an application. Over it: 413.
    body_bytes_max: int = 16 * MIB
    # What is longer goes to a file without a name: forms and calls of an API stay below, and 512 of
    # these bodies are the bound of memory.
    body_in_memory_bytes_max: int = 512 * KIB
    # What an application takes piece by piece needs no memory: rate and time bound it. The largest
    # length that a message can have.
    streamed_bytes_max: int = 2**63 - 1
    # All bodies together that are in memory, and not answered yet. Over it nothing more of these is
    # read, for `body_timeout_s`; then 503. To this comes what one read may bring (`read_bytes_max`)
    # for each connection.
    body_memory_max: int = 256 * MIB
    # The same for all that are in files: 256 of the largest. 0: no files, all are in memory. Up to
    # `body_in_memory_bytes_max`: no files, and nothing is taken that would be one.
    body_files_bytes_max: int = 4 * GIB
    # And how many these are, since each is a descriptor besides its connection's. Whoever comes
    # then stays in memory.
    body_files_max: int = 1_000
    # What a 503 asks for: a body of 16 MiB takes a client as long at 10 Mbit/s.
    retry_after_s: int = 10
    # Extensions carry nothing that anyone uses, and cost the reader (CVE-2023-39326).
    chunk_extension_bytes_max: int = 256
    chunk_extensions_bytes_max: int = 4 * KIB
    # Framing bytes of a chunked body: past this amount they may not be over 80 % of what is read.
    chunk_overhead_bytes_max: int = 100 * KIB
    trailers_bytes_max: int = 8 * KIB
    trailer_count_max: int = 16

    # --- time-outs of a server's connection, in seconds -----------------------------------
    # A new connection that says nothing holds a descriptor (browsers preconnect: be patient).
    silent_timeout_s: float = 20.0
    # When others wait for its place, a connection that has yet to ask, whose head or handshake is
    # not whole, or that lingers, keeps it for so long. A round trip by satellite is 0.6 s, and a
    # packet that was lost comes again a moment later; a crowd that is silent holds no place longer.
    silent_grace_s: float = 1.0
    # A TLS handshake, from TCP's on: two round trips, on any line. OpenSSL holds some 15 KiB for
    # each that is under way.
    tls_handshake_timeout_s: float = 10.0
    # How often the files of certificates are looked at. Who renews them has weeks for it.
    tls_reload_s: float = 60.0
    # From a head's first byte to its last: slow heads are slowloris. 408.
    header_timeout_s: float = 10.0
    # Without one byte of a body.
    body_timeout_s: float = 30.0
    # A body slower than this, once body_timeout_s has passed, is an attack, not a modem; so is a
    # response that is taken more slowly, once write_timeout_s has passed.
    body_rate_min: int = 500
    # The peer takes nothing of what we write.
    write_timeout_s: float = 30.0
    # For so many of these times more it may pause, if it took `body_rate_min` in the mean all the
    # same: `curl --limit-rate` reads a hundred buffers in a row, then nothing for up to 100 s.
    write_pauses_max: int = 3
    # The first bytes pay for no pause: a peer's kernel takes them, though nobody reads there. Linux
    # has 128 KiB for them (tcp_rmem), others up to the double.
    write_window_bytes: int = 256 * KIB
    # Between two requests.
    keep_alive_timeout_s: float = 15.0
    # After our last byte we read on, so that the peer's kernel does not throw our answer away on a
    # reset (RFC 9112 9.6): without one byte for so long, and at all for so long. Most clients read
    # the answer to an upload only when they have written all of it. Both are nginx's numbers.
    linger_timeout_s: float = 5.0
    linger_time_s: float = 30.0
    # What keeps up this rate gets more time. Slower than any line on which an upload would come to
    # its end in time; a peer that only trickles is let go as soon as a silent one.
    linger_rate_min: int = 16 * KIB
    # Responses under way may finish for this long after the first signal to stop.
    graceful_timeout_s: float = 30.0
    # Before any of that new clients are served as ever, but for one answer each, which says close.
    # Where nobody is in front there is no need for it. What is in front sends clients until it is
    # told: Kubernetes for some seconds, a load balancer for two or three of its health checks.
    drain_delay_s: float = 0.0
    # An idle client may send one request more for this long: the client and the proxies in front
    # learn of the end by its answer, and not by a request that is lost.
    idle_grace_s: float = 5.0
    # The same after Ctrl-C: who presses it has a browser open that keeps its connections. So only
    # what is on its way is waited for.
    interrupt_grace_s: float = 0.05
    # An application's stream whose client has gone for so long, and that does nothing, is
    # cancelled: nobody else would wake it. Long enough for what notices by itself and cleans up.
    abandoned_grace_s: float = 5.0
    # The same for one that the server has ended because it stops: everybody waits for it.
    stop_notice_s: float = 0.5
    # Tasks that are cancelled at the end of all, and `lifespan.shutdown` when the grace is over,
    # have so long for what they have to put in order.
    last_words_s: float = 1.0
    # What an application does before it is ready (migrations, models, pools). A start-up that hangs
    # would else look like a server that is about to be there.
    startup_timeout_s: float = 120.0
    # A client whose SYN was answered before the stop has connected a round trip later: it is
    # accepted if that takes no longer, which it does within a continent.
    last_handshake_s: float = 0.05
    # What a second signal ends in order ends by then; what has not ended, ends there.
    insist_timeout_s: float = 0.1

    # --- behind a proxy -------------------------------------------------------------------
    # The header of the PROXY protocol comes with the first segment, unless somebody plays.
    proxy_timeout_s: float = 5.0
    # Of a version 2 header, behind its 16 bytes: an address takes 216 at most, the rest are TLVs of
    # which a certificate's (PP2_SUBTYPE_SSL_CN) are the longest.
    proxy_header_bytes_max: int = 4 * KIB
    # Proxies in a row that X-Forwarded-For or Forwarded name: looked at from the last one on.
    forwarded_entries_max: int = 32

    # --- the client -----------------------------------------------------------------------
    connect_timeout_s: float = 10.0
    # RFC 8305 5: the recommended Connection Attempt Delay.
    connect_attempt_delay_s: float = 0.25
    # Without one byte of a response.
    response_timeout_s: float = 30.0
    # An endless run of 1xx responses hung http.client (CVE-2021-3737).
    interim_responses_max: int = 8
    # What browsers open to one origin, and most servers expect.
    connections_per_host_max: int = 6
    # Firefox follows 20; RFC 2068 said 5. Real chains (login, language, CDN) end before 10.
    redirects_max: int = 10
    # Cookies that redirects set, of one fetch, and the bytes of one: RFC 6265 6.1's numbers.
    cookies_max: int = 50
    cookie_bytes_max: int = 4 * KIB
    # Of a client that keeps them, of all hosts together: RFC 6265 6.1's number again.
    kept_cookies_max: int = 3000
    # Content codings, one in another: each multiplies what a byte may cost (CVE-2022-32206).
    content_codings_max: int = 4
    # After a failure that may pass: curl asks the user, wget takes 20.
    retries_max: int = 3
    # Idle connections of a client, to all hosts together: each is a descriptor.
    idle_connections_max: int = 64
    # A body that nobody takes is read for its connection's sake, up to here: that of a redirect or
    # of a failure, and what is left of a request's whose application has answered already.
    drain_bytes_max: int = 64 * KIB
    # The first pause before another try. Doubling keeps many clients from piling up.
    retry_pause_s: float = 1.0
    # A Retry-After that asks for more is a "no": the user decides whether to wait that long.
    retry_pause_max_s: float = 60.0
    # What a client decodes of one body in a turn of the loop: half a millisecond. A read may stand
    # for a thousand times as much.
    decoded_per_turn_max: int = 256 * KIB
    # One scratch buffer of a client's own reactor: 1 GiB costs a fifth less CPU than by 64 KiB,
    # since every read is a turn of the loop; past this there is little more to gain.
    fetch_read_bytes_max: int = 256 * KIB
    # What `get` collects in memory. A caller that expects more streams it.
    fetched_body_bytes_max: int = 256 * MIB
    # Processes that look names up: so many slow names before a fast one has to wait.
    resolvers_max: int = 4
    # Names remembered, and for how long: getaddrinfo tells no TTL; browsers take a minute.
    names_max: int = 256
    name_known_s: float = 60.0

    # --- WebSocket ------------------------------------------------------------------------
    # A message, put together and inflated (uvicorn's number). Over it: 1009.
    websocket_message_bytes_max: int = 16 * MIB
    # Messages that wait for an application that awaits them. Above either nothing more is read.
    websocket_queue_bytes_max: int = 64 * KIB
    websocket_queue_messages_max: int = 16
    # Messages that one connection may deliver in a turn: a read may hold ten thousand.
    websocket_messages_per_turn_max: int = 64
    # Without a frame of the peer for so long: a ping; then without one for so long: 1011. 0: none.
    websocket_ping_interval_s: float = 20.0
    websocket_ping_timeout_s: float = 20.0
    # After our Close the peer's is waited for (RFC 6455 7.1.1).
    websocket_close_timeout_s: float = 5.0
    # An application that sends on to a peer that takes nothing, without a look at `room`, loses the
    # connection: what it sends to a thousand slow ones would be all memory there is.
    websocket_unsent_bytes_max: int = 16 * MIB
    # What deflate may make of all messages of a client: so many times what was received (Apache's
    # DeflateInflateRatioLimit), and over that so much at once, and again each second. Of those of
    # a server, who was chosen, each may be so much over it. Else: 1009. JSON is 40 times its
    # deflated size, a page of zeros 190 times: neither owes anything. One letter or colour is 500
    # to 960 times, and 17 such images of 300 KB a second may come for ever: a MiB takes 2 ms, so
    # that is 1 % of a core. Nothing is over 1032 times.
    websocket_inflate_ratio_max: int = 200
    websocket_inflate_free_bytes: int = 4 * MIB
    # What a connection may inflate in a turn, with what it is inflated from, before others have
    # theirs; and all together: 2 ms. The first is small: short messages wait for those of others.
    websocket_inflate_per_turn_max: int = 64 * KIB
    websocket_inflate_per_turn_all_max: int = MIB
    # Shorter messages are not deflated: they would become longer.
    websocket_deflate_bytes_min: int = 64
    # With more connections than this none keeps what it needs to deflate the next message by the
    # last: 35 KiB each.
    websocket_deflate_contexts_max: int = 1000

    # --- fairness: what one handler may do in one turn of the loop ------------------------
    accepts_per_turn_max: int = 16
    # Where workers share a socket: HAProxy's number. Others are awake for the rest of a burst.
    shared_accepts_per_turn_max: int = 4
    # And after so many a worker goes to the end of the kernel's queue, as nginx does: it wakes the
    # first, and without this that is the same one for ever.
    shared_accepts_in_a_row_max: int = 16
    # Who has more connections than others leaves new ones to them so long: they wake up in less.
    shared_pause_s: float = 0.005
    # Nor does it take one so soon after another, if others wait: the kernel has woken one of them
    # for it, and the request of the client before may take a second.
    shared_wake_s: float = 0.0001
    # A server's part of a handshake is 0.4 ms of arithmetic, a hundred requests: all others wait.
    tls_handshakes_per_turn_max: int = 4
    # hyper's number, and the pipelining depth of every benchmark.
    requests_per_turn_max: int = 16
    # redis' number (NET_MAX_WRITES_PER_EVENT).
    write_per_turn_bytes_max: int = 64 * KIB

    # A file goes from the page cache to the socket without passing through here, so a turn may
    # give more of it: at 64 KiB a 1 MiB file cost 1.5 times the CPU (static-large, bench/rows.py).
    sendfile_per_turn_bytes_max: int = MIB

    # A turn that takes longer is reported, with the function that it is in: everyone waits for it.
    stall_warning_s: float = 0.1
    # A request that an application has not begun to answer by then is reported, with its stack.
    # 0: none is, since a slow one is no fault in itself.
    slow_request_s: float = 0.0

    # --- buffers and descriptors ----------------------------------------------------------
    # One scratch buffer a reactor. Above 64 KiB malloc goes to mmap for every small read.
    read_bytes_max: int = 64 * KIB
    # Above high water the producer pauses; below low water it goes on.
    write_high_water_bytes: int = 64 * KIB
    write_low_water_bytes: int = 16 * KIB
    backlog: int = 2048
    # What one process serves well; its descriptors may allow fewer.
    connections_max: int = 10_000
    # Descriptors kept free for files, logs and the loop itself; of few, half.
    reserved_descriptors: int = 64
    # Three streams, the loop's five, a listener, a folder, and what a request opens besides. With
    # fewer a server would start, and accept nobody.
    descriptors_min: int = 16
    # Refused clients get so many log lines a second; the rest is one line and the counters.
    refusal_lines_per_second_max: int = 50
    # At most one line of the log in this time says that new clients find no place or no descriptor.
    full_warning_s: float = 60.0
    # Out of descriptors: the listener leaves the selector this long, doubling up to the maximum.
    accept_pause_s: float = 0.1
    accept_pause_max_s: float = 1.0

    # --- when the kernel or the memory fails ----------------------------------------------
    # Turns in a row with events that nobody wants, or in which the selector failed. A race makes
    # one or two; past this every one is followed by a pause: nothing may spin.
    vain_turns_max: int = 100
    vain_turn_pause_s: float = 0.005
    # Reads or writes in a row of a ready socket that came to nothing: then it is given up.
    vain_events_max: int = 100
    # Addresses kept back until memory is short, so that a connection can be ended and that be said.
    # Some of Python's arenas, of 1 MiB each; nothing is written there, so it takes no memory.
    reserve_bytes: int = 4 * MIB

    # --- the load generator ---------------------------------------------------------------
    # Connections that are opened at a time, below every server's backlog (Linux: 4,096 at most,
    # and often 128): a SYN that is dropped comes again only after a second.
    load_opening_max: int = 100
    # A source address has 28,232 ports (net.ipv4.ip_local_port_range); some are in use.
    load_ports_per_address: int = 20_000
    # A request that leaves so much after it was due is a missed one: wrk2's resolution.
    load_late_s: float = 0.001
    # An answer that takes longer will not come; its connection is given up.
    load_answer_timeout_s: float = 10.0
    # A run of so many requests ends when nothing was answered for so many of these time-outs: each
    # connection has tried twice, and the other requests would only wait as long again.
    load_silent_timeouts: int = 2
    # Different requests of a plan, of half a kilobyte each, which are all kept: 50 MB.
    load_varied_max: int = 100_000

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        for field, value in vars(self).items():
            whole = type(getattr(Limits, field)) is int
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise TypeError(f"{field} is a {'whole ' if whole else ''}number, not {value!r}")
            if not value >= 0:
                raise ValueError(f"{field} is not below zero, so not {value!r}")

    @property
    def least_taken(self) -> float:
        """Bytes of a response in `write_timeout_s`; less is nothing, and nothing always is."""
        return max(1.0, self.body_rate_min * self.write_timeout_s)

    def __repr__(self) -> str:
        """What differs from the defaults: all fields would hide it, in every signature too."""
        changed = (f"{k}={v!r}" for k, v in vars(self).items() if v != getattr(Limits, k))
        return f"Limits({', '.join(changed)})"


DEFAULT_LIMITS = Limits()

# A client cannot make a server's fields smaller: more than 8 KiB of policies or cookies, and
# more than a hundred fields, are rare but real. http.client takes lines of 64 KiB, browsers more.
CLIENT_LIMITS = DEFAULT_LIMITS.replace(
    field_bytes_max=64 * KIB, fields_bytes_max=64 * KIB, field_count_max=250
)
