"""The resumable scan of a head: the C face of `_head.pyx`."""

from libc.stdint cimport uint8_t, uint32_t

from reactor.parser._lines cimport Head, ScanResult

cdef ScanResult scan_head(Head *head, const uint8_t *text, uint32_t size) noexcept nogil
