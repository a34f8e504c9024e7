"""The line of the Date field, made once a second.

The HTTP machine reads no clock: whoever builds a server gives it this.
"""

from libc.time cimport time as c_time, time_t

from reactor.http._context cimport Dates

from reactor.http.dates import format_date


cdef class DateField(Dates):
    cdef time_t second
    cdef bytes value

    def __cinit__(self):
        self.second = -1

    cdef bytes line(self):
        cdef time_t now = c_time(NULL)
        if now != self.second:
            self.second = now
            self.value = f"Date: {format_date(now)}\r\n".encode("ascii")
        return self.value
