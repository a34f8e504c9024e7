"""Media types by file name, from a table that is the same on every machine.

The standard library's ``mimetypes`` reads ``/etc/mime.types`` and its own table changes
between Python versions; a file's type must depend on neither. Text is sent as UTF-8.
Must never look into a file: a type guessed from content is a type an uploader chooses.
"""

from __future__ import annotations

_TEXT = {
    "c cc cfg conf cpp diff go h hpp ini java log lua patch pl py pyi pyx rb rs rst sh sql text"
    " toml txt": "text/plain",
    "css": "text/css",
    "csv": "text/csv",
    "htm html": "text/html",
    "ics": "text/calendar",
    "js mjs cjs": "text/javascript",
    "markdown md": "text/markdown",
    "tsv": "text/tab-separated-values",
    "vcf": "text/vcard",
    "vtt": "text/vtt",
    "yaml yml": "application/yaml",
}

_OTHER = {
    "7z": "application/x-7z-compressed",
    "aac": "audio/aac",
    "apng": "image/apng",
    "atom": "application/atom+xml",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "br": "application/x-brotli",
    "bz2": "application/x-bzip2",
    "deb": "application/vnd.debian.binary-package",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "geojson": "application/geo+json",
    "gif": "image/gif",
    "gz tgz": "application/gzip",
    "heic": "image/heic",
    "ico": "image/vnd.microsoft.icon",
    "jar": "application/java-archive",
    "jpe jpeg jpg": "image/jpeg",
    "json map": "application/json",
    "jsonld": "application/ld+json",
    "jxl": "image/jxl",
    "m4a": "audio/mp4",
    "mkv": "video/matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4 m4v": "video/mp4",
    "mpeg mpg": "video/mpeg",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "oga ogg opus": "audio/ogg",
    "ogv": "video/ogg",
    "otf": "font/otf",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rar": "application/vnd.rar",
    "rss": "application/rss+xml",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "tar": "application/x-tar",
    "tif tiff": "image/tiff",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xhtml": "application/xhtml+xml",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml xsd xsl": "application/xml",
    "xz": "application/x-xz",
    "zip": "application/zip",
    "zst": "application/zstd",
}

# Names that people click in an index and expect to read, not to download.
_READABLE = frozenset(
    b"authors changelog contributing copying dockerfile install license licence makefile news"
    b" notice readme todo version".split()
)

UNKNOWN = "application/octet-stream"
_PLAIN = "text/plain; charset=utf-8"

_TABLE = {
    extension.encode(): kind
    for extensions, kind in [
        *((names, f"{kind}; charset=utf-8") for names, kind in _TEXT.items()),
        *_OTHER.items(),
    ]
    for extension in extensions.split()
}

# What shrinks under gzip, and so may have a precompressed sibling worth a look on the disk.
_COMPRESSIBLE = frozenset(
    kind
    for kind in _TABLE.values()
    if kind.startswith("text/") or kind.partition(";")[0].endswith(("json", "xml", "yaml"))
) | {"application/wasm", "font/otf", "font/ttf", "image/bmp", "image/vnd.microsoft.icon"}


def media_type(name: bytes) -> str:
    """The Content-Type of a file of this name; ``application/octet-stream`` if unknown."""
    # bytes.lower() is ASCII-only, unlike str.lower().
    stem, dot, extension = name.lower().rpartition(b".")
    if dot and stem:
        return _TABLE.get(extension, UNKNOWN)
    return _PLAIN if extension in _READABLE else UNKNOWN


def compressible(kind: str) -> bool:
    """Whether files of this type are worth compressing, so that siblings are looked for."""
    return kind in _COMPRESSIBLE
