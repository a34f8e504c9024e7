"""Whether the files and folders that an answer was made from are still as they were.

Compares what ``fstatat``, or ``fstat`` of what is opened anew, says with what it said. Compiled
because it stands in front of every remembered answer: the same check through ``os.stat``
costs twice as much (1.7 against 0.9 us), for an object that is looked at once. Must never open
anything but beneath the folder (`_openat2.pyx`). The links that ``fstatat`` may step over on the
way lead at worst to a comparison that fails, since the device and inode of what was opened
safely are part of it.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from posix.unistd cimport close

from reactor._file cimport File
from reactor.apps._openat2 cimport open_at

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

    static void reactor_stamp_set(reactor_stamp *stamp, const struct stat *status)
    {
        memset(stamp, 0, sizeof *stamp);
        stamp->device = status->st_dev;
        stamp->inode = status->st_ino;
        stamp->size = status->st_size;
        stamp->modified_s = status->st_mtim.tv_sec;
        stamp->modified_ns = status->st_mtim.tv_nsec;
        stamp->changed_s = status->st_ctim.tv_sec;
        stamp->changed_ns = status->st_ctim.tv_nsec;
    }

    static int reactor_stamp_take(reactor_stamp *stamp, int folder, const char *path)
    {
        struct stat status;
        if (fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
            return -1;
        reactor_stamp_set(stamp, &status);
        return 0;
    }

    static int reactor_stamp_holds(const reactor_stamp *stamp, int folder, const char *path)
    {
        reactor_stamp now;
        return reactor_stamp_take(&now, folder, path) == 0
            && memcmp(&now, stamp, sizeof now) == 0;
    }

    static int reactor_stamp_is_of(const reactor_stamp *stamp, int descriptor)
    {
        struct stat status;
        reactor_stamp now;
        if (fstat(descriptor, &status) < 0)
            return 0;
        reactor_stamp_set(&now, &status);
        return memcmp(&now, stamp, sizeof now) == 0;
    }
    """
    ctypedef struct reactor_stamp:
        unsigned long long device, inode
        long long size, changed_s

    int reactor_stamp_take(reactor_stamp *stamp, int folder, const char *path) nogil
    int reactor_stamp_holds(const reactor_stamp *stamp, int folder, const char *path) nogil
    int reactor_stamp_is_of(const reactor_stamp *stamp, int descriptor) nogil


@cython.final
@cython.auto_pickle(False)
cdef class FileStamps:
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

    cpdef bint holds(self, int folder) except -1:
        cdef Py_ssize_t index
        cdef const char *path
        cdef bint same
        for index in range(self.count):
            path = <bytes>self.paths[index]
            with nogil:
                same = reactor_stamp_holds(&self.stamps[index], folder, path)
            if not same:
                return False
        return self.count > 0

    def reopen(self, int folder, int flags):
        cdef const char *path
        cdef int descriptor
        cdef bint same = False
        # Also before the opening: what stands there now may be a FIFO, whose writer would go on.
        if not self.holds(folder):
            return None
        path = <bytes>self.paths[0]
        # A disk may be slow and a network file system slower: other threads go on meanwhile.
        with nogil:
            descriptor = open_at(folder, path, flags)
            if descriptor >= 0:
                same = reactor_stamp_is_of(&self.stamps[0], descriptor)
                if not same:
                    close(descriptor)
        return File(descriptor, self.stamps[0].size) if same else None
