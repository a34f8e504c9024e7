"""ASCII-only case."""

from __future__ import annotations

from reactor.http.ascii import lower


def test_lower_leaves_what_is_not_ascii():
    assert lower("AZ[az\u212a\xc4\u0130\udc80") == "az[az\u212a\xc4\u0130\udc80"
