"""Stand-ins for the wire: a transport that remembers, and a journal."""

from reactor.net import Transport


class FakeTransport(Transport):
    """Takes everything until ``full``; then it pauses the machine, as above high water."""

    def __init__(self, machine):
        self.machine = machine
        self.sent = bytearray()
        self.sends = 0
        self.closed = self.aborted = False
        self.reading = True
        self.deadline = None
        self.full = False
        self.soon = []

    def write(self, data):
        assert not self.closed, "written after close"
        self.sent += data
        self.taken += len(data)
        self.sends += 1
        if self.full:
            self.machine.pause_writing()

    def sendfile(self, file, offset, count):
        with file:
            file.seek(offset)
            self.write(file.read(count))

    def resume(self):
        self.full = False
        self.machine.resume_writing()

    def run_soon(self):
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()
        return len(soon)

    def call_soon(self, callback):
        self.soon.append(callback)

    def get_write_buffer_size(self):
        return 0

    def set_write_buffer_limits(self, high=None, low=None):
        self.high = high

    def close(self, linger=True):
        self.closed = True
        self.lingers = linger

    def abort(self):
        self.closed = self.aborted = True

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def set_deadline(self, seconds):
        self.deadline = seconds

    def extend_deadline(self, seconds, at_most):
        self.deadline = min(self.deadline + seconds, at_most)

    def get_extra_info(self, name, default=None):
        return ("192.0.2.7", 1234) if name == "peername" else default

    def take(self):
        """What was sent since the last time."""
        sent, self.sent = bytes(self.sent), bytearray()
        return sent


class FakeJournal:
    wants_answers = True

    def __init__(self):
        self.lines, self.failures, self.refusals = [], [], []

    def answered(self, peer, request, status, body_bytes):
        self.lines.append((request and request.target, status, body_bytes))

    def refused(self, peer, error):
        self.refusals.append((peer, error.code, error.offset))

    def failed(self, exception, doing):
        self.failures.append((exception, doing))
