"""Header fields as an immutable, lazy mapping."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar, final, overload

_T = TypeVar("_T")
_Text: TypeAlias = str | bytes

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@final
class Headers:
    """Header fields in the order in which they stand in the message.

    Names are found without regard to case, by str or bytes; they keep the case they came in.
    A name may stand several times: ``h[name]`` is the first value, ``getall`` all of them.
    Values are str (latin-1, so that every byte survives) without the white space around them.
    Registered as a ``collections.abc.Mapping``; hashable; pickles.

    >>> h = Headers([("Host", "example.com"), ("Accept", "text/html"), ("accept", "*/*")])
    >>> h["host"], h[b"ACCEPT"], h.getall("accept")
    ('example.com', 'text/html', ['text/html', '*/*'])
    >>> "cookie" in h, len(h), list(h)
    (False, 3, ['Host', 'Accept', 'accept'])
    >>> Headers({"a": "1"}) == Headers([(b"A", b"1")])
    True

    Raises:
        LocalProtocolError: a name is not a token, or a value holds a control byte (CR, LF and
            NUL above all: they would let whoever chose the value write the rest of the head).

    >>> Headers({"X-Name": "a\\r\\nSet-Cookie: b"})
    Traceback (most recent call last):
    reactor.errors.LocalProtocolError: field value 'a\\r\\nSet-Cookie: b' holds a control byte
    """

    def __init__(
        self, fields: Headers | Mapping[Any, Any] | Iterable[tuple[_Text, _Text]] = ()
    ) -> None: ...
    def __getitem__(self, name: _Text, /) -> str: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @overload
    def get(self, name: _Text, default: None = None) -> str | None: ...
    @overload
    def get(self, name: _Text, default: _T) -> str | _T:
        """The first value of that name, or the default."""

    def getall(self, name: _Text) -> list[str]:
        """The values of every field of that name, in order; an empty list if there is none."""

    def keys(self) -> list[str]:
        """The name of every field, in order, repeated ones too.

        >>> Headers([("A", "1"), ("a", "2")]).keys()
        ['A', 'a']
        """

    def values(self) -> list[str]:
        """The value of every field, in order."""

    def items(self) -> list[tuple[str, str]]:
        """Every field, in order.

        >>> Headers([("A", "1"), ("a", "2")]).items()
        [('A', '1'), ('a', '2')]
        """

    @property
    def raw(self) -> tuple[tuple[bytes, bytes], ...]:
        """Every field, in order, as bytes.

        >>> Headers({"Accept": "*/*"}).raw
        ((b'Accept', b'*/*'),)
        """
