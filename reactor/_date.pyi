from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class DateField:
    """Called, it gives the Date field's value for now (IMF-fixdate, RFC 9110 5.6.7)."""

    def __call__(self, *args: Any, **kwargs: Any) -> bytes: ...
