/* readonly: while the file $READONLY_FLAG exists, every write below $READONLY_BELOW fails with EROFS.
 *
 *   cc -O2 -shared -fPIC -o readonly.so readonly.c -ldl
 *
 * That is how a file system answers that the kernel turned read-only after an error of the disk: descriptors
 * that were open for writing stay open and every write on them fails. (A remount is refused while they are
 * open, and a file system that was really aborted does not come back without being unmounted.)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int on(void) {
    const char *flag = getenv("READONLY_FLAG");
    return flag && access(flag, F_OK) == 0;
}
static int below(const char *path) {
    const char *top = getenv("READONLY_BELOW");
    return top && strncmp(path, top, strlen(top)) == 0;
}
static int denied(int fd) {
    char link[64], path[PATH_MAX];
    if (!on()) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    if (!below(path)) return 0;
    errno = EROFS;
    return 1;
}
static int denied_path(const char *path, int flags) {
    if (!(flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) || !on() || !below(path)) return 0;
    errno = EROFS;
    return 1;
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *b, size_t n) { return denied(fd) ? -1 : REAL(write)(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { return denied(fd) ? -1 : REAL(pwrite)(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { return denied(fd) ? -1 : REAL(pwrite64)(fd, b, n, o); }
int ftruncate(int fd, off_t n) { return denied(fd) ? -1 : REAL(ftruncate)(fd, n); }
int ftruncate64(int fd, off64_t n) { return denied(fd) ? -1 : REAL(ftruncate64)(fd, n); }

#define OPENER(name)                                                                  \
    int name(const char *path, int flags, ...) {                                      \
        va_list rest;                                                                 \
        va_start(rest, flags);                                                        \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                     \
        va_end(rest);                                                                 \
        return denied_path(path, flags) ? -1 : REAL(name)(path, flags, mode);         \
    }
OPENER(open)
OPENER(open64)
