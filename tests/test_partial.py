"""Parts of downloads: what is special under their names (all else is in `test_saving.py`)."""

from __future__ import annotations

import os

import pytest
from processes import open_descriptors
from watching import watched

from reactor.client.partial import PART_SUFFIX, SIDECAR_SUFFIX, Part
from reactor.client.saving import Folder


@pytest.mark.parametrize("create", [False, True])
def test_a_fifo_in_place_of_a_part_is_never_opened(tmp_path, create):
    """Not for a moment: whoever waits at its other end would go on."""
    os.mkfifo(tmp_path / f"page{PART_SUFFIX}")
    before = open_descriptors()
    folder = Folder(str(tmp_path))
    with watched(tmp_path) as told:
        assert Part.open(folder, "page", create) is None
        assert told() == set()
    folder.close()
    assert open_descriptors() == before


def test_a_fifo_in_place_of_a_sidecar_is_never_opened(tmp_path):
    (tmp_path / f"page{PART_SUFFIX}").write_bytes(b"some bytes")
    os.mkfifo(tmp_path / f"page{SIDECAR_SUFFIX}")
    folder = Folder(str(tmp_path))
    with watched(tmp_path) as told:
        part = Part.open(folder, "page")
        assert told() == {f"page{PART_SUFFIX}"}
    if part is not None:
        part.close()
    folder.close()
