"""The parser: bytes to messages and messages to bytes. No I/O, no clock, no thread.

`reactor._parse` is its door: join, split_head, split_message, parse_request, parse_response.
What it opens to, from the ground up:

    _scan.h                      runs of bytes of a class, many at a time
    _bounds _names _rules        every bound, every name that is known, every way to be wrong
    _fields _lines _head         a head as spans into the bytes that were received: no copy
    _headers _message _target    the same as Python objects, made when they are asked for
    _buffer _input _chunked _framing   where a message ends: RequestParser, ResponseParser
    _parts _serialise            pieces of a body; messages as bytes

Three rules hold all of it together. The result is the same however the input is cut, and costs
linear time: nothing is scanned twice. Incomplete is a value, never an exception; what is wrong
is a `RemoteProtocolError` with a status, a rule and an offset. And there is one judge of each
question: a fast loop may say yes, but only the slow one says no.

Strict by default (docs/parser.md); a client reads what other clients read, where the framing is
in no doubt (docs/client.md). h11 and a grammar written from the RFC are the oracles of its tests.
"""
