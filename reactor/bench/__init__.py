"""The comparison of servers: pairs in one run, intervals, and a verdict on every figure.

`comparison` runs it with the load generator of `reactor.load`, one server at a time on a core of
its own; `results` is what it found, as dataclasses and as JSON; reports read that and nothing
else.
"""
