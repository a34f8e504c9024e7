"""Files of Linux as `os` does not have them: syncfs(2), renameat2(2) that replaces nothing, and
files that get their names when they are whole.

In C every call answers 0, or a descriptor, or minus errno, ``-ENOSYS`` where the system has none
such. Must never know what the files are for.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport EEXIST

import os

cdef extern from "Python.h":
    bytes PyUnicode_EncodeFSDefault(str name)

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <fcntl.h>
    #include <stdio.h>
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

    static int reactor_open_unnamed(int folder)
    {
    #ifdef O_TMPFILE
        int fd = openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
        return fd < 0 ? -errno : fd;
    #else
        (void)folder;
        return -ENOSYS;
    #endif
    }

    static int reactor_write_all(int fd, const char *data, size_t size)
    {
        while (size > 0) {
            ssize_t written = write(fd, data, size);
            if (written < 0) {
                if (errno == EINTR)
                    continue;
                return -errno;
            }
            data += written;
            size -= written;
        }
        return 0;
    }

    static int reactor_link_unnamed(int folder, int fd, const char *name)
    {
    #ifdef AT_EMPTY_PATH
        /* Before Linux 6.10 it takes a capability, and says ENOENT without. */
        static int refused = 0;
        char path[32];
        if (!refused && linkat(fd, "", folder, name, AT_EMPTY_PATH) == 0)
            return 0;
        if (!refused && errno != ENOENT && errno != EPERM)
            return -errno;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, path, folder, name, AT_SYMLINK_FOLLOW) < 0)
            return -errno;
        refused = 1;
        return 0;
    #else
        (void)folder; (void)fd; (void)name;
        return -ENOSYS;
    #endif
    }
    """
    int reactor_rename_noreplace(int folder, const char *old_name, const char *new_name) nogil
    int reactor_syncfs(int fd) nogil
    int reactor_open_unnamed(int folder) nogil
    int reactor_write_all(int fd, const char *data, size_t size) nogil
    int reactor_link_unnamed(int folder, int fd, const char *name) nogil


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


def write_unnamed(int folder, list pieces not None):
    cdef int fd, result
    cdef bytes piece
    cdef const char *data
    cdef Py_ssize_t size
    with nogil:
        fd = reactor_open_unnamed(folder)
    if fd < 0:
        return fd
    for piece in pieces:
        data = PyBytes_AS_STRING(piece)
        size = PyBytes_GET_SIZE(piece)
        with nogil:
            result = reactor_write_all(fd, data, size)
        if result < 0:
            os.close(fd)
            raise OSError(-result, os.strerror(-result))
    return fd


def link_unnamed(int folder, int fd, str name not None):
    cdef bytes encoded = PyUnicode_EncodeFSDefault(name)
    cdef const char *new_name = encoded
    cdef int result
    with nogil:
        result = reactor_link_unnamed(folder, fd, new_name)
    if result < 0 and result != -EEXIST:
        raise OSError(-result, os.strerror(-result))
    return result == 0
