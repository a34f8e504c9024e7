"""Headers: an immutable view of header fields that makes nothing until it is asked.

The fields that came over the wire are kept as they came: one bytes object that holds where
each field lies and, after that, the text. Objects, not bytes, are what a head costs, so a
name or a value becomes one when somebody reads it.

Knows: names, values, their order. Must never know: which field means what.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memcmp, memcpy

from reactor.parser._names cimport (
    PyUnicode_1BYTE_DATA, PyUnicode_GET_LENGTH, PyUnicode_IS_ASCII, known_bytes, known_str, latin1,
    sliced)

from collections.abc import Mapping

from reactor.errors import LocalProtocolError

cdef extern from "_scan.h" nogil:
    bint scan_is_token(const uint8_t *p, const uint8_t *end)
    bint scan_is_value(const uint8_t *p, const uint8_t *end)

cdef extern from "Python.h":
    int PyUnicode_KIND(object text)
    const int PyUnicode_1BYTE_KIND
    PyObject *PyTuple_GET_ITEM(object pair, Py_ssize_t index)
    PyObject **PySequence_Fast_ITEMS(object sequence)

cdef enum:
    HTAB = 9
    SP = 32
    AROUND = 4              # ": " and CRLF of a field line
    TEXT_MAX = 0x7fffffff   # so that every offset of a block fits 32 bits
    FIELDS_MAX = 16         # of a set that is remembered, and looked at without an allocation
    REMEMBERED = 64         # sets (docs/remembered.md)
    PASSING = 16            # of so many sets that are not found in their place, one takes it
    BLOCK_MAX = 1024        # bytes of a remembered set


# --- what may go over the wire --------------------------------------------------------------

cdef bytes wire_bytes(object text, str what):
    """Text of a head as it goes over the wire: bytes as they are, str as latin-1."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise TypeError(f"a {what} is str or bytes, not {type(text).__name__}")
    try:
        return (<str>text).encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"{what} {text!r} is not latin-1", what) from None


cdef inline const uint8_t *wire_view(object text, str what, Py_ssize_t *size) except NULL:
    """Where the bytes of `wire_bytes(text, what)` lie, without making them: CPython holds a str
    that is all latin-1 as latin-1."""
    if isinstance(text, str) and PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND:
        size[0] = PyUnicode_GET_LENGTH(text)
        return PyUnicode_1BYTE_DATA(text)
    # What is neither bytes nor latin-1 is refused here; bytes are only borrowed.
    cdef bytes raw = wire_bytes(text, what)
    size[0] = PyBytes_GET_SIZE(raw)
    return <const uint8_t *>PyBytes_AS_STRING(raw)


cdef const uint8_t *name_view(object name, Py_ssize_t *size) except NULL:
    cdef const uint8_t *p = wire_view(name, "field-name", size)
    # RFC 9110 5.1: a field name is a token.
    if size[0] == 0 or not scan_is_token(p, p + size[0]):
        raise LocalProtocolError(f"field name {name!r} is not a token", "field-name")
    return p


cdef const uint8_t *value_view(object value, Py_ssize_t *size) except NULL:
    cdef const uint8_t *p = wire_view(value, "field-value", size)
    # RFC 9110 5.5: with CR, LF or NUL the author of a value could write the rest of the head.
    if not scan_is_value(p, p + size[0]):
        raise LocalProtocolError(f"field value {value!r} holds a control byte", "field-value")
    # RFC 9112 5.1: white space around a value is no part of it.
    while size[0] and (p[0] == SP or p[0] == HTAB):
        p += 1
        size[0] -= 1
    while size[0] and (p[size[0] - 1] == SP or p[size[0] - 1] == HTAB):
        size[0] -= 1
    return p


cdef bytes checked_value(object value):
    cdef Py_ssize_t size
    cdef const uint8_t *p = value_view(value, &size)
    return p[:size]


# --- headers ------------------------------------------------------------------------------

@cython.final
@cython.freelist(64)
@cython.auto_pickle(False)
cdef class Headers:

    def __init__(self, fields=()):
        if self.block is not None:
            return
        if isinstance(fields, Headers):
            self.take(<Headers>fields)
        else:
            self.take(as_headers(fields))

    cdef int take(self, Headers other) except -1:
        self.block = other.block
        self.count = other.count
        self.in_lines = other.in_lines
        return 0

    cdef const Field *find(self, const uint8_t *name, uint32_t size) noexcept:
        cdef const uint8_t *text = self.text()
        cdef const Field *field = self.fields()
        cdef const Field *end = field + self.count
        while field < end:
            if field.name_size == size and same_name(text + field.name, name, size):
                return field
            field += 1
        return NULL

    cdef const Field *look_up(self, object name) except? NULL:
        if isinstance(name, str):
            if not PyUnicode_IS_ASCII(name):
                return NULL
            return self.find(PyUnicode_1BYTE_DATA(name), PyUnicode_GET_LENGTH(name))
        if isinstance(name, bytes):
            return self.find(<const uint8_t *>PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
        return NULL

    def __getitem__(self, name):
        cdef const Field *field = self.look_up(name)
        if field == NULL:
            raise KeyError(name)
        return latin1(self.text() + field.value, field.value_size)

    def get(self, name, default=None):
        cdef const Field *field = self.look_up(name)
        if field == NULL:
            return default
        return latin1(self.text() + field.value, field.value_size)

    def __contains__(self, name):
        return self.look_up(name) != NULL

    def getall(self, name):
        cdef const uint8_t *text = self.text()
        cdef const Field *field = self.look_up(name)
        cdef const Field *end = self.fields() + self.count
        cdef const Field *first = field
        cdef list found = []
        while field != NULL and field < end:
            if field.name_size == first.name_size and same_name(
                    text + field.name, text + first.name, first.name_size):
                found.append(latin1(text + field.value, field.value_size))
            field += 1
        return found

    def __len__(self):
        return self.count

    def __iter__(self):
        return iter(self.keys())

    def keys(self):
        cdef const uint8_t *text = self.text()
        cdef const Field *fields = self.fields()
        cdef uint32_t i
        return [known_str(text + fields[i].name, fields[i].name_size) for i in range(self.count)]

    def values(self):
        cdef const uint8_t *text = self.text()
        cdef const Field *fields = self.fields()
        cdef uint32_t i
        return [latin1(text + fields[i].value, fields[i].value_size) for i in range(self.count)]

    def items(self):
        cdef const uint8_t *text = self.text()
        cdef const Field *field = self.fields()
        cdef list items = PyList_New(self.count)
        cdef uint32_t i
        for i in range(self.count):
            give_item(items, i, (known_str(text + field.name, field.name_size),
                                 latin1(text + field.value, field.value_size)))
            field += 1
        return items

    @property
    def raw(self):
        cdef const uint8_t *text = self.text()
        cdef const Field *field = self.fields()
        cdef tuple raw = PyTuple_New(self.count)
        cdef uint32_t i
        for i in range(self.count):
            give_member(raw, i, (known_bytes(text + field.name, field.name_size),
                                 sliced(text + field.value, field.value_size)))
            field += 1
        return raw

    cdef tuple key(self):
        return tuple([(name.lower(), value) for name, value in self.raw])

    def __eq__(self, other):
        if not isinstance(other, Headers):
            return NotImplemented
        return self.key() == (<Headers>other).key()

    def __hash__(self):
        return hash(self.key())

    def __reduce__(self):
        return Headers, (self.raw,)

    def __repr__(self):
        return f"Headers({self.items()!r})"


Mapping.register(Headers)


cdef inline void give_item(list items, Py_ssize_t index, object item):
    Py_INCREF(item)
    PyList_SET_ITEM(items, index, item)


cdef inline void give_member(tuple members, Py_ssize_t index, object member):
    Py_INCREF(member)
    PyTuple_SET_ITEM(members, index, member)


cdef inline bint same_name(const uint8_t *a, const uint8_t *b, uint32_t size) noexcept:
    """Equal without regard to ASCII case; `a` is a token, `b` may be anything."""
    cdef uint32_t i
    for i in range(size):
        if a[i] != b[i] and ((a[i] ^ b[i]) != 0x20 or not is_letter(a[i])):
            return False
    return True


cdef inline bint is_letter(uint8_t byte) noexcept:
    return c'a' <= (byte | 0x20) <= c'z'


cdef struct View:
    const uint8_t *base
    Py_ssize_t size


cdef bytes packed(PyObject **parts, uint32_t count):
    """Names and values in turn as the block of a Headers, once they are found fit for the wire:
    its text is the field lines, as they are sent."""
    cdef View[2 * FIELDS_MAX] few
    cdef View *views = few
    if count > FIELDS_MAX:
        views = <View *>PyMem_Malloc(2 * <size_t>count * sizeof(View))
        if views == NULL:
            raise MemoryError()
    try:
        return packed_views(views, parts, count)
    finally:
        if views != few:
            PyMem_Free(views)


cdef bytes packed_views(View *views, PyObject **parts, uint32_t count):
    cdef uint32_t i, at = 0
    cdef int64_t text_size = 0
    for i in range(count):
        views[2 * i].base = name_view(<object>parts[2 * i], &views[2 * i].size)
        views[2 * i + 1].base = value_view(<object>parts[2 * i + 1], &views[2 * i + 1].size)
        text_size += views[2 * i].size + views[2 * i + 1].size + AROUND
    if text_size > TEXT_MAX:
        raise LocalProtocolError("the header fields are over 2 GiB", "fields-size")
    cdef bytes block = PyBytes_FromStringAndSize(NULL, count * sizeof(Field) + text_size)
    cdef Field *field = <Field *>PyBytes_AS_STRING(block)
    cdef uint8_t *text = <uint8_t *>(field + count)
    for i in range(count):
        field.name, field.name_size = at, views[2 * i].size
        memcpy(text + at, views[2 * i].base, views[2 * i].size)
        at += field.name_size
        memcpy(text + at, b": ", 2)
        at += 2
        field.value, field.value_size = at, views[2 * i + 1].size
        memcpy(text + at, views[2 * i + 1].base, views[2 * i + 1].size)
        at += field.value_size
        memcpy(text + at, b"\r\n", 2)
        at += 2
        field += 1
    return block


# --- the fields that an application gives ---------------------------------------------------
#
# Most answers of an application have the same few sets of fields, made of the same constants: a
# set that was made of these very objects before is found again, instead of being made again
# (0003; docs/remembered.md).

cdef struct Remembered:
    PyObject *headers       # NULL: none yet
    uint32_t misses
    PyObject *parts[2 * FIELDS_MAX]

cdef Remembered[REMEMBERED] remembered


cdef Headers made_of(PyObject **parts, uint32_t count):
    """The Headers of at most FIELDS_MAX names and values, which stay alive while this runs."""
    cdef Remembered *slot
    cdef Headers headers
    if count == 0:
        return lines_of(parts, count)
    # By the last value: in most sets it is the one that differs.
    slot = &remembered[(<uintptr_t>parts[2 * count - 1] >> 4) % REMEMBERED]
    if (slot.headers != NULL and (<Headers>slot.headers).count == count
            and not memcmp(slot.parts, parts, 2 * count * sizeof(PyObject *))):
        return <Headers>slot.headers
    headers = lines_of(parts, count)
    # Sets with a part of their own in each answer would only take turns: most are let pass.
    if slot.misses % PASSING == 0 and PyBytes_GET_SIZE(headers.block) <= BLOCK_MAX:
        remember(slot, headers, parts)
    slot.misses += 1
    return headers


cdef inline Headers lines_of(PyObject **parts, uint32_t count):
    cdef Headers headers = headers_in(packed(parts, count), count)
    headers.in_lines = True
    return headers


cdef int remember(Remembered *slot, Headers headers, PyObject **parts) except -1:
    cdef Remembered before = slot[0]
    cdef uint32_t i
    slot.headers = <PyObject *>headers
    Py_INCREF(headers)
    for i in range(2 * headers.count):
        slot.parts[i] = parts[i]
        Py_INCREF(<object>parts[i])
    if before.headers == NULL:
        return 0
    # Last: what goes away may run code of its own, and this must be whole by then.
    for i in range(2 * (<Headers>before.headers).count):
        Py_DECREF(<object>before.parts[i])
    Py_DECREF(<object>before.headers)
    return 0


cdef Headers of_dict(dict fields):
    cdef PyObject *parts[2 * FIELDS_MAX]
    cdef PyObject *name
    cdef PyObject *value
    cdef uint32_t count = 0
    cdef Py_ssize_t at = 0
    # Not straight into `parts`: the call that says "no more" would get the place behind its end.
    while PyDict_Next(fields, &at, &name, &value):
        parts[2 * count] = name
        parts[2 * count + 1] = value
        count += 1
    return made_of(parts, count)


cdef Headers of_pairs(list pairs):
    """Of a list of (name, value); None if it holds anything else."""
    cdef PyObject *parts[2 * FIELDS_MAX]
    cdef uint32_t count = 0
    cdef object pair
    for pair in pairs:
        if type(pair) is not tuple or len(<tuple>pair) != 2:
            return None
        parts[2 * count] = PyTuple_GET_ITEM(pair, 0)
        parts[2 * count + 1] = PyTuple_GET_ITEM(pair, 1)
        count += 1
    return made_of(parts, count)


cdef Headers of_many(list pairs):
    cdef list parts = [part for pair in pairs for part in pair]
    return lines_of(PySequence_Fast_ITEMS(parts), len(pairs))


cdef bytes block_of(const Field *fields, uint32_t count, const uint8_t *text, uint32_t size):
    cdef size_t fields_size = count * sizeof(Field)
    cdef bytes block = PyBytes_FromStringAndSize(NULL, fields_size + size)
    cdef char *to = PyBytes_AS_STRING(block)
    if count:  # a head without fields has no array, and memcpy takes no NULL (C11 7.24.1)
        memcpy(to, fields, fields_size)
    memcpy(to + fields_size, text, size)
    return block


cdef Headers headers_in(bytes block, uint32_t count):
    cdef Headers headers = Headers.__new__(Headers)
    headers.block = block
    headers.count = count
    return headers


cdef Headers headers_of(const Field *fields, uint32_t count, const uint8_t *text, uint32_t size):
    return headers_in(block_of(fields, count, text, size), count)


cdef Headers as_headers(object fields):
    """Of a mapping or of an iterable of pairs. While parts are borrowed from ``fields`` no code
    of anybody else runs, so they stay what they are."""
    cdef Headers headers
    if isinstance(fields, Headers):
        return fields
    if type(fields) is dict and len(<dict>fields) <= FIELDS_MAX:
        return of_dict(fields)
    if type(fields) is list and len(<list>fields) <= FIELDS_MAX:
        headers = of_pairs(fields)
        if headers is not None:
            return headers
    # Asked last: an abstract class takes longer to answer than all that follows.
    elif not isinstance(fields, (list, tuple)) and isinstance(fields, Mapping):
        fields = fields.items()
    return of_many([pair_of(field) for field in fields])


cdef tuple pair_of(object field):
    if isinstance(field, (str, bytes)):
        # "ab" would be the field "a: b".
        raise TypeError(f"a field is a pair of name and value, not {type(field).__name__}")
    name, value = field
    return name, value
