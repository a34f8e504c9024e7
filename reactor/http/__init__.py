"""The HTTP/1.1 machine: bytes to messages, messages to bytes, and what may follow what.

No I/O, no clock, no thread: whoever has a socket feeds it and sends what it makes.
"""
