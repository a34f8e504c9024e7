"""The names of the rules, for the C side of the parser; `_rules.pyx` tells them in words."""

from libc.stdint cimport int64_t

cdef enum Rule:
    NO_RULE
    # the start line
    NOT_HTTP
    EMPTY_LINES
    BARE_CR
    BARE_LF
    METHOD
    METHOD_SIZE
    TARGET
    TARGET_FORM
    REQUEST_LINE_SIZE
    VERSION
    VERSION_UNSUPPORTED
    STATUS_LINE
    STATUS_LINE_SIZE
    # field lines
    LEADING_SPACE
    OBS_FOLD
    FIELD_NAME
    SPACE_BEFORE_COLON
    FIELD_COLON
    FIELD_VALUE
    FIELD_SIZE
    FIELDS_SIZE
    FIELD_COUNT
    # what fields say together
    HOST_MISSING
    HOST_TWICE
    HOST
    CONTENT_LENGTH
    CONTENT_LENGTH_SIZE
    CONTENT_LENGTH_TWICE
    TRANSFER_ENCODING
    TRANSFER_CODING
    TRANSFER_ENCODING_TWICE
    LENGTH_AND_ENCODING
    ENCODING_IN_10
    CONNECT_BODY
    # a chunked body
    CHUNK_SIZE
    CHUNK_SIZE_LIMIT
    CHUNK_EXTENSION
    CHUNK_EXTENSION_SIZE
    CHUNK_EXTENSIONS_SIZE
    CHUNK_END
    CHUNK_OVERHEAD
    TRAILER_NAME
    TRAILERS_SIZE
    TRAILER_COUNT
    # the stream
    INCOMPLETE

cdef object broken(Rule rule, int64_t offset)
cdef str rule_message(Rule rule)
