"""Two system calls of Linux that `os` lacks: syncfs(2), and renameat2(2) that replaces nothing.

Each answers 0 or minus errno, ``-ENOSYS`` where the system has no such call. Must never
know what the files are for.
"""

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <unistd.h>
    #ifdef __linux__
    #include <sys/syscall.h>
    #endif

    #define REACTOR_RENAME_NOREPLACE 1

    static int reactor_rename_noreplace(int folder, const char *old_name, const char *new_name)
    {
    #ifdef SYS_renameat2
        long result = syscall(SYS_renameat2, folder, old_name, folder, new_name,
                              REACTOR_RENAME_NOREPLACE);
        return result < 0 ? -errno : 0;
    #else
        (void)folder; (void)old_name; (void)new_name;
        return -ENOSYS;
    #endif
    }

    static int reactor_syncfs(int fd)
    {
    #ifdef SYS_syncfs
        long result = syscall(SYS_syncfs, fd);
        return result < 0 ? -errno : 0;
    #else
        (void)fd;
        return -ENOSYS;
    #endif
    }
    """
    int reactor_rename_noreplace(int folder, const char *old_name, const char *new_name) nogil
    int reactor_syncfs(int fd) nogil


def rename_noreplace(int folder, bytes old not None, bytes new not None):
    cdef const char *old_name = old
    cdef const char *new_name = new
    cdef int result
    with nogil:
        result = reactor_rename_noreplace(folder, old_name, new_name)
    return result


def syncfs(int descriptor):
    cdef int result
    with nogil:
        result = reactor_syncfs(descriptor)
    return result
