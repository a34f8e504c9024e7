"""Stand-ins for what a machine stands on: a journal."""


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
