"""Asking for the rest of a body, and what the answer to that means."""

from __future__ import annotations

import pytest
from savers import DATE, URL

from reactor import parse_response
from reactor.client.resuming import ResumeAction, Version, judge, range_fields


def head(status, *fields):
    return parse_response("\r\n".join([f"HTTP/1.1 {status} X", *fields, "", ""]).encode())


BOTH = Version(URL, '"v1"', DATE, 100)
DATED = Version(URL, None, DATE, 100)
REST = ("Content-Range: bytes 40-99/100", "Content-Length: 60")


@pytest.mark.parametrize(
    ("version", "status", "fields", "action"),
    [
        (BOTH, 206, (*REST, 'ETag: "v1"'), ResumeAction.CONTINUE),
        (BOTH, 206, REST, ResumeAction.CONTINUE),
        (BOTH, 206, (*REST, 'ETag: "v2"'), ResumeAction.ANEW),
        (BOTH, 206, (*REST, 'ETag: W/"v1"'), ResumeAction.ANEW),
        (BOTH, 206, (*REST, "Content-Encoding: gzip"), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Length: 60",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes 0-99/100",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes 39-99/100",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes 41-99/100",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes 40-98/100",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes 40-99/*",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes 40-100/101",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes 40-99/100", "Content-Length: 61"), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes 99-40/100",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: items 40-99/100",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes -40-99/100",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Range: bytes 4_0-99/100",), ResumeAction.ANEW),
        (BOTH, 206, ("Content-Type: multipart/byteranges; boundary=x",), ResumeAction.ANEW),
        (BOTH, 206, (*REST, "Content-Type: Multipart/ByteRanges; boundary=x"), ResumeAction.ANEW),
        (BOTH, 206, (*REST, REST[0]), ResumeAction.ANEW),
        (BOTH, 200, ('ETag: "v2"',), ResumeAction.WHOLE),
        (BOTH, 200, (), ResumeAction.WHOLE),
        (BOTH, 200, ('ETag: "v1"',), ResumeAction.BY_DATE),
        (DATED, 206, (*REST, f"Last-Modified: {DATE}"), ResumeAction.CONTINUE),
        (DATED, 206, (*REST, "Last-Modified: Mon, 23 Nov 2026 15:51:41 GMT"), ResumeAction.ANEW),
        (DATED, 200, (f"Last-Modified: {DATE}",), ResumeAction.WHOLE),
        (BOTH.replace(length=40), 416, ("Content-Range: bytes */40",), ResumeAction.COMPLETE),
        (BOTH.replace(length=None), 416, ("Content-Range: bytes */40",), ResumeAction.COMPLETE),
        (BOTH, 416, ("Content-Range: bytes */40",), ResumeAction.ANEW),
        (BOTH.replace(length=40), 416, ("Content-Range: bytes 0-9/40",), ResumeAction.ANEW),
        (
            BOTH.replace(length=40),
            416,
            ("Content-Range: bytes */40", 'ETag: "v2"'),
            ResumeAction.ANEW,
        ),
        (BOTH, 416, ("Content-Range: bytes */41",), ResumeAction.ANEW),
        (BOTH, 416, (), ResumeAction.ANEW),
        (BOTH, 404, (), None),
        (BOTH, 304, (), None),
    ],
)
def test_the_answer_to_a_request_for_the_rest(version, status, fields, action):
    assert judge(version, 40, head(status, *fields)) is action


def test_the_date_is_tried_once():
    assert judge(BOTH, 40, head(200, 'ETag: "v1"'), by_date=True) is ResumeAction.WHOLE
    assert range_fields(BOTH, 40) == [("Range", "bytes=40-"), ("If-Range", '"v1"')]
    assert range_fields(BOTH, 40, by_date=True) == [("Range", "bytes=40-"), ("If-Range", DATE)]
    assert range_fields(DATED, 40) == [("Range", "bytes=40-"), ("If-Range", DATE)]


@pytest.mark.parametrize(
    ("fields", "etag", "modified", "length"),
    [
        (('ETag: "v1"', "Content-Length: 5"), '"v1"', None, 5),
        (('ETag: W/"v1"',), None, None, None),
        (("ETag: v1",), None, None, None),
        ((f"Last-Modified: {DATE}",), None, None, None),
        ((f"Last-Modified: {DATE}", f"Date: {DATE}"), None, None, None),
        ((f"Last-Modified: {DATE}", "Date: Mon, 23 Nov 2026 15:51:41 GMT"), None, DATE, None),
        ((f"Last-Modified: {DATE}", "Date: nonsense"), None, None, None),
        (('ETag: "v1"', "Content-Encoding: gzip", "Content-Length: 5"), None, None, None),
    ],
)
def test_what_a_head_says_of_its_version(fields, etag, modified, length):
    assert Version.of(URL, head(200, *fields)) == Version(URL, etag, modified, length)
