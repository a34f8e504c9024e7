"""RFC 9110, 9112 and 3986 written out as regular expressions, under the RFCs' own names.

For reading, not for speed. It knows the grammar only: what a message means is ``oracle_abnf``'s
business. Where the RFC leaves a choice, the choice is said in a comment that begins with "Choice".
It must never import the parser, nor copy a decision from it.
"""

from __future__ import annotations

import re

# --- RFC 5234 B.1 and RFC 9110 5.6: the letters -----------------------------------------------
DIGIT, HEXDIG = rb"[0-9]", rb"[0-9A-Fa-f]"
CRLF, SP = b"\r\n", rb"\x20"
tchar = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
token = rb"(?:" + tchar + rb"+)"
obs_text = rb"[\x80-\xff]"
OWS = rb"[\x20\t]*"
qdtext = rb"[\t\x20!\x23-\x5b\x5d-\x7e\x80-\xff]"
quoted_pair = rb"\\[\t\x20-\x7e\x80-\xff]"
quoted_string = rb'"(?:' + qdtext + rb"|" + quoted_pair + rb')*"'

# --- RFC 9110 5.5 and RFC 9112 5: a field line ------------------------------------------------
field_vchar = rb"[\x21-\x7e\x80-\xff]"
field_value = rb"(?:" + field_vchar + rb"(?:[\x20\t]*" + field_vchar + rb")*)?"
field_line = re.compile(rb"(" + token + rb"):" + OWS + rb"(" + field_value + rb")" + OWS)

# --- RFC 3986 3.2 and appendix A: authority ---------------------------------------------------
unreserved = rb"[A-Za-z0-9\-._~]"
pct_encoded = rb"%" + HEXDIG + HEXDIG
# Choice: "," is a sub-delim, but "Host: a, b" is two lines joined by a proxy, never a name.
sub_delims = rb"[!$&'()*+;=]"
reg_name = rb"(?:" + unreserved + rb"|" + pct_encoded + rb"|" + sub_delims + rb")+"
dec_octet = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])"
IPv4address = dec_octet + rb"(?:\." + dec_octet + rb"){3}"
h16 = HEXDIG + rb"{1,4}"
ls32 = rb"(?:" + h16 + rb":" + h16 + rb"|" + IPv4address + rb")"


def _up_to(n: int) -> bytes:
    """``[ *n( h16 ":" ) h16 ]``, the part before the "::"."""
    return rb"(?:(?:" + h16 + rb":){0,%d}" % n + h16 + rb")?"


def _h16_colon(n: int) -> bytes:
    return rb"(?:" + h16 + rb":){%d}" % n


IPv6address = (
    rb"(?:"
    + rb"|".join(
        [
            _h16_colon(6) + ls32,
            rb"::" + _h16_colon(5) + ls32,
            _up_to(0) + rb"::" + _h16_colon(4) + ls32,
            _up_to(1) + rb"::" + _h16_colon(3) + ls32,
            _up_to(2) + rb"::" + _h16_colon(2) + ls32,
            _up_to(3) + rb"::" + _h16_colon(1) + ls32,
            _up_to(4) + rb"::" + ls32,
            _up_to(5) + rb"::" + h16,
            _up_to(6) + rb"::",
        ]
    )
    + rb")"
)
# Choice: no IPvFuture; there is no future version yet.
IP_literal = rb"\[" + IPv6address + rb"\]"
uri_host = rb"(?:" + IP_literal + rb"|" + reg_name + rb")"
# Choice: a port is a number that TCP has, as far as there is one.
tcp_port = (
    rb"0*(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}"
    rb"|[0-9]{1,4})"
)
port = rb"(?:" + tcp_port + rb")?"
# RFC 9110 7.2. Choice: never empty, since an http URI has a host (4.2.1), and no userinfo (4.2.4).
Host = re.compile(uri_host + rb"(?::" + port + rb")?")

# --- RFC 9112 3: the request line -------------------------------------------------------------
# Choice: real clients send "<>\^`{|} and lonely % in a target; they are opaque and harmless here.
# A fragment, 8-bit and control bytes are not.
target_byte = rb"[\x21\x22\x24-\x7e]"
# Choice: an origin server serves http and https; another scheme is for another server.
scheme = rb"[Hh][Tt][Tt][Pp][Ss]?"
origin_form = rb"/" + target_byte + rb"*"
absolute_form = (
    scheme + rb"://" + uri_host + rb"(?::" + port + rb")?" + rb"(?:[/?]" + target_byte + rb"*)?"
)
# RFC 9112 3.2.3: an empty or invalid port MUST be refused.
authority_form = re.compile(uri_host + rb":(?=0*[1-9])" + tcp_port)
path_form = re.compile(origin_form + rb"|" + absolute_form)
HTTP_version = re.compile(rb"HTTP/([0-9])\.([0-9])")
request_line = re.compile(rb"(" + token + rb")" + SP + rb"([^\x20]+)" + SP + rb"([^\x20]+)")
reason_phrase = rb"[\t\x20-\x7e\x80-\xff]*"
status_line = re.compile(
    rb"([^\x20]+)" + SP + rb"([1-9][0-9]{2})" + SP + rb"(" + reason_phrase + rb")"
)

# --- RFC 9112 7.1: chunks ---------------------------------------------------------------------
# Choice: no BWS around ";" and "="; the RFC allows it only for senders that broke the grammar.
chunk_ext = rb"(?:;" + token + rb"(?:=(?:" + token + rb"|" + quoted_string + rb"))?)*"
chunk_line = re.compile(rb"(" + HEXDIG + rb"+)(" + chunk_ext + rb")")
