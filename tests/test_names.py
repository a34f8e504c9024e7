"""The names of saved files: what a server may ask for, and the first that is free."""

from __future__ import annotations

import pytest

from reactor.client.names import NAME_BYTES_MAX, harmless, name_from_disposition
from reactor.client.partial import first_free

HOSTILE = [
    ('attachment; filename="../../etc/passwd"', "passwd"),
    ('attachment; filename="/etc/passwd"', "passwd"),
    ('attachment; filename="/etc/cron.d/"', "cron.d"),
    (r'attachment; filename="..\\..\\x.exe"', "x.exe"),
    (r'attachment; filename="C:\dir\x.exe"', "x.exe"),
    ('attachment; filename=".."', "index.html"),
    ('attachment; filename="."', "index.html"),
    ('attachment; filename="..."', "index.html"),
    ('attachment; filename=""', "index.html"),
    ('attachment; filename="/"', "index.html"),
    ('attachment; filename="////"', "index.html"),
    ('attachment; filename=" "', "index.html"),
    ('attachment; filename=".bashrc"', "bashrc"),
    ('attachment; filename="..bashrc"', "bashrc"),
    ('attachment; filename=". .bashrc"', "bashrc"),
    ('attachment; filename="\u200b.bashrc"', "bashrc"),
    ('attachment; filename=".ssh/authorized_keys"', "authorized_keys"),
    ('attachment; filename="-rf"', "_-rf"),
    ('attachment; filename="--help"', "_--help"),
    ('attachment; filename="a\x1b[31mb"', "a[31mb"),
    ('attachment; filename="a\rb\nc\td"', "abcd"),
    ('attachment; filename="a\x7fb\x9bc"', "abc"),
    ('attachment; filename="\u202egpj.exe"', "gpj.exe"),
    ('attachment; filename="CON"', "_CON"),
    ('attachment; filename="con.txt"', "_con.txt"),
    ('attachment; filename="Nul.tar.gz"', "_Nul.tar.gz"),
    ('attachment; filename="AUX "', "_AUX"),
    ('attachment; filename="lpt1.x"', "_lpt1.x"),
    ('attachment; filename="com\u00b9"', "_com\u00b9"),
    ('attachment; filename="console"', "console"),
    ('attachment; filename="page.part"', "page.part_"),
    ('attachment; filename="page.PART"', "page.PART_"),
    ('attachment; filename="page.part.json"', "page.part.json_"),
    ('attachment; filename="x.part. "', "x.part_"),
    ("attachment; filename*=UTF-8''..%2f..%2fetc%2fpasswd", "passwd"),
    ("attachment; filename*=UTF-8''%2e%2e%5cx", "x"),
    ("attachment; filename*=UTF-8''%00%0a%1b.profile", "profile"),
    ("attachment; filename*=UTF-8''%e2%82%ac.txt", "\u20ac.txt"),
    ("attachment; filename*=utf-8'de'%c3%a4.txt; filename=a.txt", "\u00e4.txt"),
    ("attachment; filename=a.txt; filename*=ISO-8859-1''%e4.txt", "\u00e4.txt"),
    ("attachment; filename=a.txt; filename*=UTF-8''%ff%fe", "a.txt"),
    ("attachment; filename=a.txt; filename*=UTF-7''x", "a.txt"),
    ("attachment; filename=a.txt; filename*=x", "a.txt"),
    ("attachment; filename*=UTF-8''", None),
    ('attachment; filename="a\\"b.txt"', 'a"b.txt'),
    ('attachment; filename="a;b=c.txt"', "a;b=c.txt"),
    ('attachment; FILENAME="up.txt"', "up.txt"),
    ('attachment ; filename = "sp.txt" ', "sp.txt"),
    ('attachment; filename="one"; filename="two"', "one"),
    ('attachment; x="filename=evil"; filename=good', "good"),
    ('attachment; filename="unterminated', "unterminated"),
    ("attachment; filename=\u00c3\u00a9.txt", "\u00e9.txt"),
    ("attachment; filename=\u00e9.txt", "\u00e9.txt"),
    ("attachment", None),
    ("inline; size=3", None),
    ("", None),
    (";;;;", None),
    ("attachment; =x; filename=y", None),
    ("attachment; filename", None),
]


@pytest.mark.parametrize(("field", "name"), HOSTILE)
def test_content_disposition(field, name):
    assert name_from_disposition(field) == name


@pytest.mark.parametrize(
    "name",
    ["n" * 256, "n" * 5000 + ".tar.gz", "\u20ac" * 200, "n." + "x" * 300, "." * 999, "-" * 300],
)
def test_a_name_fits_with_all_that_is_added_to_it(name):
    made = harmless(name)
    assert 0 < len(made.encode()) <= NAME_BYTES_MAX + 2  # "_" in front, "_" behind
    assert len(f"{made}.12345.part.json".encode()) <= 255
    assert made.endswith(".gz") == name.endswith(".gz")


@pytest.mark.parametrize("taken", [0, 1, 2, 3, 7, 8, 100, 9999])
def test_the_first_free_name_is_found_without_asking_for_each(taken):
    asked = []

    def is_taken(number):
        asked.append(number)
        return number < taken

    assert first_free(is_taken) == taken
    assert len(asked) <= 2 + 2 * taken.bit_length()
