"""Media types by file name, from a table that is the same on every machine.

The standard library's ``mimetypes`` reads ``/etc/mime.types`` and its own table changes
between Python versions; a file's type must depend on neither. What its own table knows is in
this one (a test holds it), at times under the type that browsers use. Text is sent as UTF-8:
without a charset a browser guesses, and what it guesses a page's author may steer. XML says its
own. Must never look into a file: a type guessed from content is a type an uploader chooses.
"""

from __future__ import annotations

_TEXT = {
    "bat c cc cfg conf cpp csh diff go h hpp ini java ksh log lua patch pl py pyi pyx rb"
    " rs rst sh sql srt tcl text toml txt": "text/plain",
    "css": "text/css",
    "csv": "text/csv",
    "htm html": "text/html",
    "ics": "text/calendar",
    "cjs js mjs": "text/javascript",
    "markdown md": "text/markdown",
    "n3": "text/n3",
    "rtx": "text/richtext",
    "tsv": "text/tab-separated-values",
    "vcf": "text/vcard",
    "vtt": "text/vtt",
    "etx": "text/x-setext",
    "sgm sgml": "text/x-sgml",
    "yaml yml": "application/yaml",
}

_OTHER = {
    "3g2 3gpp2": "video/3gpp2",
    "3gp 3gpp": "video/3gpp",
    "7z": "application/x-7z-compressed",
    "aac adts ass loas": "audio/aac",
    "ai eps ps": "application/postscript",
    "aif aifc aiff": "audio/x-aiff",
    "apk": "application/vnd.android.package-archive",
    "apng": "image/apng",
    "atom": "application/atom+xml",
    "au snd": "audio/basic",
    "avi": "video/x-msvideo",
    "avif": "image/avif",
    "bcpio": "application/x-bcpio",
    "bmp": "image/bmp",
    "br": "application/x-brotli",
    "bz2 tbz2": "application/x-bzip2",
    "cdf nc": "application/x-netcdf",
    "cpio": "application/x-cpio",
    "deb": "application/vnd.debian.binary-package",
    "doc dot wiz": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "dvi": "application/x-dvi",
    "emf": "image/emf",
    "eml mht mhtml nws": "message/rfc822",
    "eot": "application/vnd.ms-fontobject",
    "epub": "application/epub+zip",
    "fits": "image/fits",
    "flac": "audio/flac",
    "flv": "video/x-flv",
    "g3": "image/g3fax",
    "geojson": "application/geo+json",
    "gif": "image/gif",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "gpx": "application/gpx+xml",
    "gtar": "application/x-gtar",
    "gz svgz taz tgz tz": "application/gzip",
    "h5": "application/x-hdf5",
    "hdf": "application/x-hdf",
    "heic": "image/heic",
    "heif": "image/heif",
    "ico": "image/vnd.microsoft.icon",
    "ief": "image/ief",
    "jar": "application/java-archive",
    "jp2": "image/jp2",
    "jpe jpeg jpg": "image/jpeg",
    "jpm": "image/jpm",
    "jpx": "image/jpx",
    "json map": "application/json",
    "jsonld": "application/ld+json",
    "jxl": "image/jxl",
    "kml": "application/vnd.google-earth.kml+xml",
    "kmz": "application/vnd.google-earth.kmz",
    "latex": "application/x-latex",
    "m1v mpa mpe mpeg mpg": "video/mpeg",
    "m2ts ts": "video/mp2t",
    "m3u m3u8": "application/vnd.apple.mpegurl",
    "m4a": "audio/mp4",
    "m4s": "video/iso.segment",
    "m4v mp4": "video/mp4",
    "man": "application/x-troff-man",
    "me": "application/x-troff-me",
    "mid midi": "audio/midi",
    "mif": "application/x-mif",
    "mk3d": "video/matroska-3d",
    "mka": "audio/matroska",
    "mkv": "video/matroska",
    "mov qt": "video/quicktime",
    "movie": "video/x-sgi-movie",
    "mp2 mp3": "audio/mpeg",
    "mpd": "application/dash+xml",
    "ms": "application/x-troff-ms",
    "nq": "application/n-quads",
    "nt": "application/n-triples",
    "oda": "application/oda",
    "odg": "application/vnd.oasis.opendocument.graphics",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "oga ogg opus": "audio/ogg",
    "ogv": "video/ogg",
    "ogx": "application/ogg",
    "otf": "font/otf",
    "p12 pfx": "application/x-pkcs12",
    "p7c": "application/pkcs7-mime",
    "pbm": "image/x-portable-bitmap",
    "pct pic pict": "image/pict",
    "pdf": "application/pdf",
    "pgm": "image/x-portable-graymap",
    "php": "application/x-httpd-php",
    "png": "image/png",
    "pnm": "image/x-portable-anymap",
    "pot ppa pps ppt pwz": "application/vnd.ms-powerpoint",
    "ppm": "image/x-portable-pixmap",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "psd": "image/vnd.adobe.photoshop",
    "pyc pyo": "application/x-python-code",
    "ra": "audio/x-pn-realaudio",
    "ram": "application/x-pn-realaudio",
    "rar": "application/vnd.rar",
    "ras": "image/x-cmu-raster",
    "rdf wsdl xml xpdl xsd xsl": "application/xml",
    "rgb": "image/x-rgb",
    "roff t tr": "application/x-troff",
    "rpm": "application/x-rpm",
    "rss": "application/rss+xml",
    "rtf": "application/rtf",
    "shar": "application/x-shar",
    "src": "application/x-wais-source",
    "stl": "model/stl",
    "sv4cpio": "application/x-sv4cpio",
    "sv4crc": "application/x-sv4crc",
    "svg": "image/svg+xml",
    "swf": "application/x-shockwave-flash",
    "t38": "image/t38",
    "tar": "application/x-tar",
    "tex": "application/x-tex",
    "texi texinfo": "application/x-texinfo",
    "tfx": "image/tiff-fx",
    "tif tiff": "image/tiff",
    "trig": "application/trig",
    "ttf": "font/ttf",
    "txz xz": "application/x-xz",
    "ustar": "application/x-ustar",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "wma": "audio/x-ms-wma",
    "wmf": "image/wmf",
    "wmv": "video/x-ms-wmv",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xbm": "image/x-xbitmap",
    "xhtml": "application/xhtml+xml",
    "xlb xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xpm": "image/x-xpixmap",
    "xwd": "image/x-xwindowdump",
    "z": "application/x-compress",
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
) | {
    "application/postscript", "application/vnd.apple.mpegurl", "application/vnd.ms-fontobject",
    "application/wasm", "font/otf", "font/ttf", "image/bmp", "image/vnd.microsoft.icon",
}  # fmt: skip


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
