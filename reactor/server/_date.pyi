from typing_extensions import disjoint_base

from reactor.http._context import Dates

@disjoint_base
class DateField(Dates):
    """The Date field's value for now (IMF-fixdate, RFC 9110 5.6.7)."""
