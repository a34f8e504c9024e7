"""Whether the files and folders that an answer was made from are still as they were.

Knows one system call, ``fstatat``, and compares what it says with what it said. Compiled
because it stands in front of every remembered answer: the same check through ``os.stat``
costs twice as much (1.7 against 0.9 us), for an object that is looked at once. Must never open anything:
the links it may step over on the way lead at worst to a comparison that fails, since the
device and inode of what was opened safely are part of it.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc

cdef extern from *:
    """
    #include <fcntl.h>
    #include <string.h>
    #include <sys/stat.h>

    #ifdef __APPLE__
    #define st_mtim st_mtimespec
    #define st_ctim st_ctimespec
    #endif

    typedef struct {
        unsigned long long device, inode;
        long long size, modified_s, modified_ns, changed_s, changed_ns;
    } reactor_stamp;

    static int reactor_stamp_take(reactor_stamp *stamp, int folder, const char *path)
    {
        struct stat status;
        if (fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
            return -1;
        memset(stamp, 0, sizeof *stamp);
        stamp->device = status.st_dev;
        stamp->inode = status.st_ino;
        stamp->size = status.st_size;
        stamp->modified_s = status.st_mtim.tv_sec;
        stamp->modified_ns = status.st_mtim.tv_nsec;
        stamp->changed_s = status.st_ctim.tv_sec;
        stamp->changed_ns = status.st_ctim.tv_nsec;
        return 0;
    }

    static int reactor_stamp_holds(const reactor_stamp *stamp, int folder, const char *path)
    {
        reactor_stamp now;
        return reactor_stamp_take(&now, folder, path) == 0
            && memcmp(&now, stamp, sizeof now) == 0;
    }
    """
    ctypedef struct reactor_stamp:
        unsigned long long device, inode
        long long changed_s

    int reactor_stamp_take(reactor_stamp *stamp, int folder, const char *path) nogil
    int reactor_stamp_holds(const reactor_stamp *stamp, int folder, const char *path) nogil


@cython.final
@cython.auto_pickle(False)
cdef class Evidence:
    cdef tuple paths
    cdef reactor_stamp *stamps
    cdef Py_ssize_t count
    cdef readonly long long changed_s

    def __init__(self, int folder, paths):
        cdef Py_ssize_t index, count
        cdef bytes path
        if self.stamps != NULL:
            raise TypeError("evidence is taken once")
        self.paths = tuple(paths)
        count = len(self.paths)
        if count == 0:
            raise ValueError("no path, no evidence")
        self.stamps = <reactor_stamp *>PyMem_Malloc(count * sizeof(reactor_stamp))
        if self.stamps == NULL:
            raise MemoryError
        for index in range(count):
            path = self.paths[index]
            if reactor_stamp_take(&self.stamps[index], folder, path) < 0:
                raise OSError("a file of the answer is gone")
            self.changed_s = max(self.changed_s, self.stamps[index].changed_s)
        self.count = count

    def __dealloc__(self):
        PyMem_Free(self.stamps)

    def identifies(self, unsigned long long device, unsigned long long inode):
        return (self.count > 0 and self.stamps[0].device == device
                and self.stamps[0].inode == inode)

    def holds(self, int folder):
        cdef Py_ssize_t index
        cdef const char *path
        cdef bint same = False
        for index in range(self.count):
            path = <bytes>self.paths[index]
            with nogil:
                same = reactor_stamp_holds(&self.stamps[index], folder, path)
            if not same:
                return False
        return same
