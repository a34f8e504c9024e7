"""HAProxy in front of two hosts, of which one is replaced after the other: nobody notices.

The short form of bench/soak_hosts.py.
"""

from __future__ import annotations

import pytest
from behind_haproxy import TwoHosts, replace_under_load

pytestmark = pytest.mark.long


@pytest.mark.parametrize("drain", [True, False], ids=["drained", "found-out"])
def test_no_request_is_lost_while_hosts_are_replaced(tmp_path, drain):
    (tmp_path / "note.txt").write_text("a note\n")
    with TwoHosts(tmp_path) as hosts:
        counts, lost = replace_under_load(hosts, 2, drain)
    assert lost == {}
    assert counts["answered"] > 1000
