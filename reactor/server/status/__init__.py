"""What a server does, for those who run it: numbers for Prometheus, and a page to look at.

    slots of the page ─┐
    notes, events      ├─> snapshot ─┬─> exposition   text for Prometheus
    the kernel         ┘             ├─> page         HTML, with the last minute's charts
                                     └─> JSON         for `reactor top`, and for scripts

A `Snapshot` is all that is known at one moment, as plain values: who shows it asks nothing else.
"""
