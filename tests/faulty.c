/* A disk that fails, under every library of a process: LD_PRELOAD it.
 *
 * Calls that change something below a folder, or those that read there (bytes, names in a folder,
 * stats of a name), are counted; the one of number `at` (from 0) is hit.
 * The state is shared with forked children, so that a parent learns what became of one that died.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KILL, FAIL_ONCE, FAIL_FOR_EVER, SHORT, TEAR, LIE, SIGNAL };
enum { WRITES = 1, SYNCS = 2, CLOSES = 4, NAMES = 8, SIZES = 16, READS = 32 };

struct state {
    long count, at, hits;
    int how, error, which, on;
    char under[PATH_MAX];
};
static struct state *state;

__attribute__((constructor)) static void make(void) {
    state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void faulty_arm(const char *under, long at, int how, int error, int which) {
    snprintf(state->under, sizeof state->under, "%s", under);
    state->count = state->hits = 0;
    state->at = at, state->how = how, state->error = error, state->which = which;
    state->on = 1;
}
void faulty_disarm(void) { state->on = 0; }
long faulty_count(void) { return state->count; }
long faulty_hits(void) { return state->hits; }

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = dlsym(RTLD_NEXT, #name)

static int is_below(const char *path) {
    size_t n = strlen(state->under);
    return !strncmp(path, state->under, n) && (path[n] == '/' || path[n] == 0);
}

/* What becomes of this call: 0 it is done; 1 it fails, errno set; 2 half of it is done; 3 it is
 * pretended; 4 half of it is done, and the process dies. */
static int hit(int which) {
    if (!(state->which & which)) return 0;
    long n = __atomic_fetch_add(&state->count, 1, __ATOMIC_SEQ_CST);
    if (n < state->at || (n > state->at && state->how != FAIL_FOR_EVER)) return 0;
    __atomic_fetch_add(&state->hits, 1, __ATOMIC_SEQ_CST);
    if (state->how == KILL || (state->how == TEAR && which != WRITES)) kill(getpid(), SIGKILL);
    if (state->how == SIGNAL) kill(getpid(), state->error);
    if (state->how == SIGNAL) return 0;
    if (which == WRITES && state->how == SHORT) return 2;
    if (which == WRITES && state->how == TEAR) return 4;
    if (which == WRITES && state->how == LIE) return 3;
    if (state->how == SHORT || state->how == LIE) return 0;
    errno = state->error;
    return 1;
}

static int on_handle(int handle, int which) {
    char name[64], path[PATH_MAX];
    if (!state || !state->on) return 0;
    int kept = errno;
    snprintf(name, sizeof name, "/proc/self/fd/%d", handle);
    ssize_t n = readlink(name, path, sizeof path - 1);
    if (which == CLOSES && n > 0 && (fcntl(handle, F_GETFL) & O_ACCMODE) == O_RDONLY) n = -1;
    errno = kept;
    if (n <= 0) return 0;
    path[n] = 0;
    return is_below(path) ? hit(which) : 0;
}

static int on_path(int folder, const char *path, int which) {
    char name[64], whole[2 * PATH_MAX], start[PATH_MAX];
    if (!state || !state->on) return 0;
    if (path[0] == '/') return is_below(path) ? hit(which) : 0;
    int kept = errno;
    if (folder == AT_FDCWD) snprintf(name, sizeof name, "/proc/self/cwd");
    else snprintf(name, sizeof name, "/proc/self/fd/%d", folder);
    ssize_t n = readlink(name, start, sizeof start - 1);
    errno = kept;
    if (n <= 0) return 0;
    start[n] = 0;
    snprintf(whole, sizeof whole, "%s/%s", start, path);
    return is_below(whole) ? hit(which) : 0;
}

static ssize_t written(ssize_t n, size_t size, int how) {
    if (how == 4) kill(getpid(), SIGKILL);
    (void)size;
    return n;
}

ssize_t write(int handle, const void *data, size_t size) {
    REAL(write);
    int how = on_handle(handle, WRITES);
    if (how == 1) return -1;
    if (how == 3) return size;
    if (how == 0 || size < 2) return real(handle, data, size);
    return written(real(handle, data, size / 2), size, how);
}

ssize_t writev(int handle, const struct iovec *parts, int n) {
    REAL(writev);
    int how = on_handle(handle, WRITES);
    if (how == 1) return -1;
    ssize_t size = 0;
    for (int i = 0; i < n; i++) size += parts[i].iov_len;
    if (how == 3) return size;
    if (how == 0) return real(handle, parts, n);
    return written(real(handle, parts, n > 1 ? n / 2 : n), size, how);
}

#define PWRITE(name, offset_type) \
    ssize_t name(int handle, const void *data, size_t size, offset_type at) { \
        REAL(name); \
        int how = on_handle(handle, WRITES); \
        if (how == 1) return -1; \
        if (how == 3) return size; \
        if (how == 0 || size < 2) return real(handle, data, size, at); \
        return written(real(handle, data, size / 2, at), size, how); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define ONE_HANDLE(name, which) \
    int name(int handle) { \
        REAL(name); \
        return on_handle(handle, which) == 1 ? -1 : real(handle); \
    }
ONE_HANDLE(fsync, SYNCS)
ONE_HANDLE(fdatasync, SYNCS)

int close(int handle) { /* as Linux does, the handle is gone also where closing fails */
    REAL(close);
    int how = on_handle(handle, CLOSES), kept = errno;
    int answer = real(handle);
    if (how != 1) return answer;
    errno = kept;
    return -1;
}

int ftruncate(int handle, off_t size) {
    REAL(ftruncate);
    return on_handle(handle, SIZES) == 1 ? -1 : real(handle, size);
}
int ftruncate64(int handle, off64_t size) {
    REAL(ftruncate64);
    return on_handle(handle, SIZES) == 1 ? -1 : real(handle, size);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        mode_t mode = 0; \
        if (flags & O_CREAT) { \
            va_list more; \
            va_start(more, flags); \
            mode = va_arg(more, mode_t); \
            va_end(more); \
            if (on_path(AT_FDCWD, path, NAMES) == 1) return -1; \
        } else if ((flags & O_ACCMODE) == O_RDONLY && on_path(AT_FDCWD, path, READS) == 1) { \
            return -1; \
        } \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    return on_path(AT_FDCWD, path, NAMES) == 1 ? -1 : real(path, mode);
}
int link(const char *from, const char *to) {
    REAL(link);
    return on_path(AT_FDCWD, to, NAMES) == 1 ? -1 : real(from, to);
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(linkat);
    return on_path(b, to, NAMES) == 1 ? -1 : real(a, from, b, to, flags);
}
int rename(const char *from, const char *to) {
    REAL(rename);
    return on_path(AT_FDCWD, to, NAMES) == 1 ? -1 : real(from, to);
}
int unlink(const char *path) {
    REAL(unlink);
    return on_path(AT_FDCWD, path, NAMES) == 1 ? -1 : real(path);
}
int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    return on_path(folder, path, NAMES) == 1 ? -1 : real(folder, path, flags);
}
int rmdir(const char *path) {
    REAL(rmdir);
    return on_path(AT_FDCWD, path, NAMES) == 1 ? -1 : real(path);
}

/* --- reading ---------------------------------------------------------------------------------- */

#define READ(name, type) \
    ssize_t name(int handle, type *data, size_t size) { \
        REAL(name); \
        return on_handle(handle, READS) == 1 ? -1 : real(handle, data, size); \
    }
READ(read, void)
#define PREAD(name, offset_type) \
    ssize_t name(int handle, void *data, size_t size, offset_type at) { \
        REAL(name); \
        return on_handle(handle, READS) == 1 ? -1 : real(handle, data, size, at); \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define READDIR(name, kind) \
    struct kind *name(DIR *folder) { \
        REAL(name); \
        return on_handle(dirfd(folder), READS) == 1 ? NULL : real(folder); \
    }
READDIR(readdir, dirent)
READDIR(readdir64, dirent64)

#define STAT(name, kind) \
    int name(const char *path, struct kind *found) { \
        REAL(name); \
        return on_path(AT_FDCWD, path, READS) == 1 ? -1 : real(path, found); \
    }
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)
#define FSTATAT(name, kind) \
    int name(int folder, const char *path, struct kind *found, int flags) { \
        REAL(name); \
        return on_path(folder, path, READS) == 1 ? -1 : real(folder, path, found, flags); \
    }
FSTATAT(fstatat, stat)
FSTATAT(fstatat64, stat64)
