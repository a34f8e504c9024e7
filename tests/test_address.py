"""Addresses to listen on: how they are written, who has them, paths of Unix sockets."""

import os
import socket

import pytest
import wire
from wire import Recorder

from reactor.errors import ConfigurationError
from reactor.net import Bind, Descriptor, Inet, Protocol, Unix, parse_bind

reactor = wire.reactor


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("127.0.0.1:80", Inet("127.0.0.1", 80)),
            ("localhost:0", Inet("localhost", 0)),
            (":8000", Inet("0.0.0.0", 8000)),
            ("[::1]:8000", Inet("::1", 8000)),
            ("*:8000", Inet("*", 8000)),
            ("unix:/run/x.sock", Unix("/run/x.sock")),
            ("unix:@name", Unix("\0name")),
            ("fd:3", Descriptor("3")),
            ("fd:web", Descriptor("web")),
        ],
    )
    def test_parse_bind(self, text, address):
        assert parse_bind(text) == Bind(address)
        if not text.startswith(":"):
            assert str(address) == text

    @pytest.mark.parametrize(
        ("text", "tls", "proxy"),
        [
            ("h:1,tls", True, None),
            ("h:1,plain,proxy=v1", False, "v1"),
            ("unix:/s,proxy=any", None, "any"),
            ("fd:3,tls,proxy=v2", True, "v2"),
        ],
    )
    def test_what_is_spoken_there(self, text, tls, proxy):
        bind = parse_bind(text)
        assert (bind.tls, bind.proxy) == (tls, proxy)
        assert str(bind) == text

    @pytest.mark.parametrize(
        "text",
        [
            *("", "8000", "host", "::1:80", "h:65536", "h:-1", "h:", "h:٣", "unix:", "unix:@"),
            *("fd:", "fd:" + 9 * "1", "h:1,", "h:1,TLS", "h:1,tls,plain", "h:1,proxy=v3"),
            *("h:1,proxy", "h:1,proxy=v1,proxy=v1", "h:1,what", "unix:/a\0b", "h:1,tls,redirect"),
        ],
    )
    def test_parse_bind_refuses(self, text):
        with pytest.raises(ConfigurationError):
            parse_bind(text)

    def test_a_port_in_use_is_named(self, reactor):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(
                ConfigurationError, match=rf"127\.0\.0\.1:{port}: the port is in use"
            ):
                reactor.listen(Inet("127.0.0.1", port), Protocol)

    def test_an_address_of_another_machine(self, reactor):
        with pytest.raises(ConfigurationError, match="no such address"):
            reactor.listen(Inet("192.0.2.1", 0), Protocol)

    def test_a_stale_unix_socket_is_taken_over_and_a_live_one_is_not(self, reactor, tmp_path):
        address = Unix(str(tmp_path / "s"))
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(address.path)
        stale.close()
        listener = reactor.listen(address, Protocol)
        assert os.stat(address.path).st_mode & 0o777 == 0o600
        with pytest.raises(ConfigurationError, match="another server"):
            reactor.listen(address, Protocol)
        listener.close()

    def test_a_file_is_never_taken_for_a_stale_socket(self, reactor, tmp_path):
        path = tmp_path / "precious"
        path.write_text("data")
        with pytest.raises(ConfigurationError, match="no socket"):
            reactor.listen(Unix(str(path)), Protocol)
        assert path.read_text() == "data"

    def test_unix_sockets_carry_bytes(self, reactor, tmp_path):
        recorder = Recorder(reactor)
        listener = reactor.listen(Unix(str(tmp_path / "s")), lambda: recorder)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
            client.send(b"over a path")
            client.shutdown(socket.SHUT_WR)
            reactor.run()
        assert recorder.data == b"over a path"
        listener.close()
