/* A file system as memory cards and some network mounts have it: LD_PRELOAD it.
 *
 * Below the folder that OLD_DISK names: names fold case (they are kept in lower case), time stamps
 * have steps of two seconds, there are no hard links, and folders cannot be made durable.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = dlsym(RTLD_NEXT, #name)

static const char *root;
static size_t n_root;

__attribute__((constructor)) static void make(void) {
    root = getenv("OLD_DISK");
    n_root = root ? strlen(root) : 0;
}

static int is_below(const char *path) {
    return root && path && !strncmp(path, root, n_root) && (path[n_root] == '/' || !path[n_root]);
}

static const char *folded(const char *path, char *room) {
    if (!is_below(path) || strlen(path) >= PATH_MAX) return path;
    strcpy(room, path);
    for (char *at = room + n_root; *at; at++) *at = tolower((unsigned char)*at);
    return room;
}

static int is_handle_below(int handle) {
    char name[64], path[PATH_MAX];
    int kept = errno;
    snprintf(name, sizeof name, "/proc/self/fd/%d", handle);
    ssize_t n = readlink(name, path, sizeof path - 1);
    errno = kept;
    if (n <= 0) return 0;
    path[n] = 0;
    return is_below(path);
}

#define COARSE(found) \
    do { \
        (found)->st_mtim.tv_sec &= ~1L, (found)->st_mtim.tv_nsec = 0; \
        (found)->st_ctim.tv_sec &= ~1L, (found)->st_ctim.tv_nsec = 0; \
    } while (0)

#define STAT(name, kind) \
    int name(const char *path, struct kind *found) { \
        REAL(name); \
        char room[PATH_MAX]; \
        int answer = real(folded(path, room), found); \
        if (!answer && is_below(path)) COARSE(found); \
        return answer; \
    }
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)

#define FSTAT(name, kind) \
    int name(int handle, struct kind *found) { \
        REAL(name); \
        int answer = real(handle, found); \
        if (!answer && is_handle_below(handle)) COARSE(found); \
        return answer; \
    }
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)

#define FSTATAT(name, kind) \
    int name(int folder, const char *path, struct kind *found, int flags) { \
        REAL(name); \
        char room[PATH_MAX]; \
        int answer = real(folder, folded(path, room), found, flags); \
        if (!answer && (is_below(path) || (path[0] != '/' && is_handle_below(folder)))) \
            COARSE(found); \
        return answer; \
    }
FSTATAT(fstatat, stat)
FSTATAT(fstatat64, stat64)

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & O_CREAT) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        char room[PATH_MAX]; \
        MODE(flags) \
        return real(folded(path, room), flags, mode); \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(name); \
        char room[PATH_MAX]; \
        MODE(flags) \
        return real(folder, folded(path, room), flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    char room[PATH_MAX];
    return real(folded(path, room), mode);
}
int access(const char *path, int mode) {
    REAL(access);
    char room[PATH_MAX];
    return real(folded(path, room), mode);
}
#define ONE(name) \
    int name(const char *path) { \
        REAL(name); \
        char room[PATH_MAX]; \
        return real(folded(path, room)); \
    }
ONE(rmdir)
ONE(unlink)
DIR *opendir(const char *path) {
    REAL(opendir);
    char room[PATH_MAX];
    return real(folded(path, room));
}
int rename(const char *from, const char *to) {
    REAL(rename);
    char one[PATH_MAX], two[PATH_MAX];
    return real(folded(from, one), folded(to, two));
}

static int no_link(const char *to) {
    if (!is_below(to)) return 0;
    errno = EPERM;
    return 1;
}
int link(const char *from, const char *to) {
    REAL(link);
    return no_link(to) ? -1 : real(from, to);
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(linkat);
    return no_link(to) ? -1 : real(a, from, b, to, flags);
}

int fsync(int handle) {
    REAL(fsync);
    struct stat found;
    if (!fstat(handle, &found) && S_ISDIR(found.st_mode) && is_handle_below(handle)) {
        errno = EINVAL;
        return -1;
    }
    return real(handle);
}
