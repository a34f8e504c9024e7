"""openat2(2) with the flags that keep a path beneath a folder.

Knows one system call. glibc has no wrapper for it, so Python can reach it only
through ctypes' variadic ``syscall``, with the struct laid out and errno read by
hand and 1.2 us more for each file (3.8 against 2.6 for open and close), or here.
Must never know HTTP, or which names are hidden: it answers whether the *kernel*
finds a path beneath a folder.
"""

cdef extern from *:
    """
    #include <errno.h>
    #include <stdint.h>
    #include <unistd.h>
    #ifdef __linux__
    #include <sys/syscall.h>
    #endif

    /* linux/openat2.h is younger than some build machines; the ABI is fixed. */
    struct reactor_open_how { uint64_t flags, mode, resolve; };
    #define REACTOR_NO_MAGICLINKS 0x02
    #define REACTOR_BENEATH 0x08

    static int reactor_openat2(int dirfd, const char *path, int flags)
    {
    #ifdef SYS_openat2
        struct reactor_open_how how = {
            (uint64_t)flags, 0, REACTOR_BENEATH | REACTOR_NO_MAGICLINKS };
        long result = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
        return result < 0 ? -errno : (int)result;
    #else
        (void)dirfd; (void)path; (void)flags;
        return -ENOSYS;
    #endif
    }
    """
    int reactor_openat2(int dirfd, const char *path, int flags) nogil


cdef int open_at(int folder, const char *path, int flags) noexcept nogil:
    return reactor_openat2(folder, path, flags)


def open_beneath(int folder, bytes path not None, int flags):
    cdef const char *name = path
    cdef int descriptor
    # A disk may be slow and a network file system slower: other threads go on meanwhile.
    with nogil:
        descriptor = reactor_openat2(folder, name, flags)
    return descriptor
