"""How many connections, and files of bodies, a process has descriptors for."""

from __future__ import annotations

from contextlib import suppress

from reactor.errors import ConfigurationError
from reactor.limits import Limits


def connections_max(limits: Limits) -> int:
    """As many as the limits allow and the process has descriptors for.

    Raises the process's soft limit of descriptors as far as that takes, and is allowed.

    Raises:
        ConfigurationError: they are too few for any.
    """
    try:
        import resource  # Unix has it; elsewhere the limits alone hold
    except ImportError:
        return limits.connections_max
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    wanted = limits.connections_max + limits.reserved_descriptors
    if soft != infinite and soft < wanted:
        with suppress(OSError, ValueError):
            raised = wanted if hard == infinite else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    if soft == infinite:
        return limits.connections_max
    if soft < limits.descriptors_min:
        raise ConfigurationError(
            f"this process may open {soft} files: a server needs {limits.descriptors_min}, half of "
            "them for connections (ulimit -n)"
        )
    # A process with few descriptors keeps no more of them back than it gives away.
    free = max(soft - limits.reserved_descriptors, soft // 2)
    return max(1, min(limits.connections_max, free))


def with_body_files(limits: Limits) -> Limits:
    """The limits of a server that keeps large bodies in files: each is a descriptor out of the
    reserve, which grows by as many; and there are no more files than the reserve then has.

    Raises:
        ConfigurationError: as `connections_max`.
    """
    reserved = limits.reserved_descriptors
    wider = limits.replace(reserved_descriptors=reserved + limits.body_files_max)
    connections = connections_max(wider)
    try:
        import resource
    except ImportError:
        return wider
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wider
    left = max(0, soft - connections - reserved)
    return wider.replace(body_files_max=min(limits.body_files_max, left))
