"""Stand-ins for what a machine stands on: a journal."""


class FakeJournal:
    wants_answers = True

    def __init__(self):
        self.lines, self.records, self.failures, self.refusals = [], [], [], []

    def answered(self, peer, record):
        request = record.request
        self.lines.append((request and request.target, record.status, record.body_bytes))
        self.records.append(record)

    def refused(self, peer, error):
        self.refusals.append((peer, error.code, error.offset))

    def failed(self, exception, doing):
        self.failures.append((exception, doing))
