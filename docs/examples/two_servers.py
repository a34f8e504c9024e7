"""The tutorial's server, a thread for each connection, and the same with a selector and no thread.

python docs/examples/two_servers.py threads
python docs/examples/two_servers.py selector
"""

import socket
import sys
import threading

from reactor import Protocol, Reactor, RequestParser, serialise_response


def answer(request):
    return serialise_response(200, {"Content-Type": "text/plain"}, f"Hello, {request.path}\n")


def serve_with_threads(listener):
    """accept, start a thread, read, answer: a thread waits for each client."""

    def talk(connection):
        parser = RequestParser()
        with connection:
            while data := connection.recv(65536):
                parser.feed(data)
                while (request := parser.next()) is not None:
                    connection.sendall(answer(request))

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


class Talk(Protocol):
    """The same conversation, told when something comes: one thread waits for all clients."""

    def connection_made(self, transport):
        self.transport = transport
        self.parser = RequestParser()

    def data_received(self, data):
        self.parser.feed(data)
        while (request := self.parser.next()) is not None:
            self.transport.write(answer(request))


def serve_with_a_selector(listener):
    with Reactor() as reactor:
        reactor.serve([listener], Talk)
        reactor.run()


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print("listening on", listener.getsockname()[1], flush=True)
    {"threads": serve_with_threads, "selector": serve_with_a_selector}[sys.argv[1]](listener)
