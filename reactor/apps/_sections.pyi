from typing_extensions import disjoint_base

@disjoint_base
class Section:
    """A header section, and what it came to."""

@disjoint_base
class SectionCache:
    """The sections that come again; its methods are in `_sections.pxd`."""
