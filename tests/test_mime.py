"""Media types by file name, against what the standard library knows of itself."""

from __future__ import annotations

import mimetypes
import subprocess
import sys

import pytest

from reactor.apps import mime
from reactor.apps.mime import UNKNOWN, media_type

# The table that is compiled into the standard library; `mimetypes.types_map` has /etc's as well.
BUILT_IN = mimetypes._types_map_default | mimetypes._common_types_default

# Where ours is not the standard library's type: all else is.
OWN = {
    ".3g2": "video/3gpp2", ".3gp": "video/3gpp", ".3gpp": "video/3gpp", ".3gpp2": "video/3gpp2",
    ".avi": "video/x-msvideo", ".cjs": "text/javascript", ".csh": "text/plain",
    ".deb": "application/vnd.debian.binary-package", ".jpg": "image/jpeg",
    ".js": "text/javascript", ".m4v": "video/mp4", ".mjs": "text/javascript",
    ".mkv": "video/matroska", ".opus": "audio/ogg", ".py": "text/plain", ".rst": "text/plain",
    ".rtf": "application/rtf", ".sh": "text/plain", ".tcl": "text/plain",
    ".texi": "application/x-texinfo", ".texinfo": "application/x-texinfo",
    ".toml": "text/plain", ".vcf": "text/vcard", ".wav": "audio/wav", ".xml": "application/xml",
    ".xul": UNKNOWN,  # a dead format that ran scripts
}  # fmt: skip


def bare(kind):
    return kind.partition(";")[0]


@pytest.mark.parametrize("suffix", sorted(BUILT_IN))
def test_what_the_standard_library_knows_is_known(suffix):
    kind = bare(media_type(b"a" + suffix.encode()))
    assert kind == OWN.get(suffix, BUILT_IN[suffix])


@pytest.mark.parametrize(
    "suffix", [*mimetypes._suffix_map_default, *mimetypes._encodings_map_default]
)
def test_what_is_compressed_is_what_it_is_as_bytes(suffix):
    """No Content-Encoding is sent for it, so its type is that of the archive."""
    assert media_type(b"a.tar" + suffix.encode()) in {
        "application/gzip", "application/x-bzip2", "application/x-xz", "application/x-compress",
        "application/x-brotli",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"live.m3u8", "application/vnd.apple.mpegurl"),
        (b"live.ts", "video/mp2t"),
        (b"old.avi", "video/x-msvideo"),
        (b"film.srt", "text/plain; charset=utf-8"),
        (b"page.MHT", "message/rfc822"),
        (b"feed.rdf", "application/xml"),
    ],
)
def test_named_types(name, kind):
    assert media_type(name) == kind


def test_text_and_only_text_has_a_charset():
    for suffix, kind in mime._TABLE.items():
        text = kind.startswith("text/") or bare(kind) == "application/yaml"
        assert kind.endswith("; charset=utf-8") == text, suffix


def test_no_suffix_has_two_types():
    listed = [suffix for names in (*mime._TEXT, *mime._OTHER) for suffix in names.split()]
    assert len(listed) == len(set(listed)) == len(mime._TABLE)


def test_the_machine_has_no_say():
    """Its own tables are not even read."""
    program = "import sys, reactor.apps.static; sys.exit('mimetypes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
