"""Becoming somebody with fewer rights, for good: after the sockets are bound and the keys read.

    supplementary groups ─> group ─> user ─> no way back, tried ─> no new privileges

Must never know: what is served.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from reactor._value import Value
from reactor.errors import ConfigurationError
from reactor.parser._digits import parse_digits

NUMBER_DIGITS_MAX = 10  # users and groups have 32 bits
_PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 38, 39  # linux/prctl.h


class Identity(Value):
    """Whose a process is; ``name`` "" is a number that has no name."""

    uid: int
    gid: int
    name: str = ""
    home: str = "/"


def identity_of(user: str | None, group: str | None) -> Identity:
    """Of names or numbers; None: who this process is already, the user's own group.

    Raises:
        ConfigurationError: there is nobody of that name.
    """
    import pwd

    number = os.geteuid() if user is None else parse_digits(user, NUMBER_DIGITS_MAX)
    try:
        entry: Any = pwd.getpwnam(user or "") if number is None else pwd.getpwuid(number)
    except KeyError:
        if number is None:
            raise ConfigurationError(f"there is no user {user!r}") from None
        if group is None:
            raise ConfigurationError(f"user {number} has no entry: add --group") from None
        return Identity(number, _gid_of(group))
    gid = entry.pw_gid if group is None else _gid_of(group)
    return Identity(entry.pw_uid, gid, entry.pw_name, entry.pw_dir)


def _gid_of(group: str) -> int:
    import grp

    number = parse_digits(group, NUMBER_DIGITS_MAX)
    if number is not None:
        return number
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigurationError(f"there is no group {group!r}") from None


def become(identity: Identity) -> None:
    """Be this one from here on, and never root again.

    Raises:
        ConfigurationError: the kernel refuses, or there would be a way back.
    """
    import ctypes  # as long as it can certainly be read

    uid, gid = identity.uid, identity.gid
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
    try:
        if os.geteuid() == 0:
            # Not none at all: an application needs the groups that its user is in.
            if identity.name:
                os.initgroups(identity.name, gid)
            else:
                os.setgroups([gid])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        who = identity.name or uid
        raise ConfigurationError(
            f"cannot become {who}: {error.strerror}; only root can become somebody else"
        ) from error
    _check_no_way_back(uid, gid)
    if prctl is not None:
        _refuse_new_privileges(prctl)
    os.environ.update(HOME=identity.home, USER=identity.name, LOGNAME=identity.name)


def _check_no_way_back(uid: int, gid: int) -> None:
    if os.getresuid() != (uid, uid, uid) or os.getresgid() != (gid, gid, gid):
        raise ConfigurationError(f"the kernel has not made this process user {uid}, group {gid}")
    if uid == 0:
        return
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise ConfigurationError(f"user {uid} could become root again: it would not be safe to serve")


def _refuse_new_privileges(prctl: Any) -> None:
    """A set-user-ID program that the application runs gives it no rights (PR_SET_NO_NEW_PRIVS)."""
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1:
        raise ConfigurationError("the kernel does not set no_new_privs")
