// What a disk remembers when the power goes: a library for LD_PRELOAD that keeps, beside each file, what
// was written since it was last flushed.
//
// Files below POWER_LOSS_DATA are watched. Before a write, and before a file is cut or grown, a record
// goes to a journal in POWER_LOSS_JOURNALS: where, what was there, what comes. A flush that succeeded
// drops the records before it. After a kill the page cache still has all writes, as `kill -9` leaves it;
// `power_loss.py` takes back those that are in the journals, all of them or some, as a loss of power does.
//
// A new entry of a directory counts as durable at once, and memory that is mapped (SQLite's `-shm`, which
// is made anew after a crash) is not watched.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 65536
#define FILES_MAX 256

// A file that is watched, by its path: connections of SQLite open it several times.
struct file {
    char path[PATH_MAX];
    dev_t device;
    ino_t inode;
    int journal;
    uint64_t records;  // Since the journal was last empty.
};

static struct file files[FILES_MAX];
static int file_count;
static int watched[FDS_MAX];  // The place of its file and 1, by descriptor; 0 if it is not watched.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char data_folder[PATH_MAX];
static useconds_t flush_us;  // How long a flush takes beside what it takes: a slow disk, which kills find at work.

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);

static void die(const char *what) {
    dprintf(2, "power_loss: %s: %s\n", what, strerror(errno));
    abort();
}

__attribute__((constructor)) static void begin(void) {
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_openat = dlsym(RTLD_NEXT, "openat64");
    real_close = dlsym(RTLD_NEXT, "close");
    const char *flush_ms = getenv("POWER_LOSS_FLUSH_MS");
    if (flush_ms) flush_us = atoi(flush_ms) * 1000;
    const char *data = getenv("POWER_LOSS_DATA");
    if (data) snprintf(data_folder, sizeof data_folder, "%s/", data);
    unsetenv("LD_PRELOAD");  // Functions are not the disk's concern.
}

// Watches a descriptor that was just opened, if it is of a file below the data folder.
static int opened(int fd) {
    if (fd < 0 || fd >= FDS_MAX || !data_folder[0]) return fd;
    char link[64], path[PATH_MAX];
    struct stat status;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) return fd;
    path[length] = 0;
    size_t prefix = strlen(data_folder);
    if (strncmp(path, data_folder, prefix) || strstr(path, "-shm")) return fd;
    pthread_mutex_lock(&mutex);
    int at = 0;
    while (at < file_count && strcmp(files[at].path, path)) at++;
    if (at == file_count) {
        if (file_count == FILES_MAX) die("too many files");
        char journal[PATH_MAX * 2];
        snprintf(journal, sizeof journal, "%s/%s", getenv("POWER_LOSS_JOURNALS"), path + prefix);
        for (char *c = journal + strlen(getenv("POWER_LOSS_JOURNALS")) + 1; *c; c++)
            if (*c == '/') *c = '%';
        strcpy(files[at].path, path);
        files[at].journal = real_openat(AT_FDCWD, journal, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
        if (files[at].journal < 0) die(journal);
        file_count++;
    } else if (files[at].device != status.st_dev || files[at].inode != status.st_ino) {
        // Another file has taken the name: of the old one nothing is left to lose.
        if (real_ftruncate(files[at].journal, 0)) die("journal");
        files[at].records = 0;
    }
    files[at].device = status.st_dev;
    files[at].inode = status.st_ino;
    watched[fd] = at + 1;
    pthread_mutex_unlock(&mutex);
    return fd;
}

static struct file *file_of(int fd) {
    return fd >= 0 && fd < FDS_MAX && watched[fd] ? &files[watched[fd] - 1] : NULL;
}

// Notes that `length` bytes at `offset` become `bytes`, or, without bytes, that the file becomes `offset`
// long. The record is: kind, offset, size of the file before, length of what was there, length of what
// comes, both.
static void note(struct file *file, int fd, char kind, const void *bytes, size_t length, off_t offset) {
    struct stat status;
    if (fstat(fd, &status) < 0) die("fstat");
    size_t old_length = 0;
    if (status.st_size > offset) {
        old_length = status.st_size - offset;
        if (kind == 'W' && old_length > length) old_length = length;
    }
    uint64_t head[5] = {(uint64_t)kind, offset, status.st_size, old_length, length};
    char *old = malloc(old_length + 1);
    // A descriptor that only writes cannot be read: its file is opened once more.
    int reader = fd;
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY && old_length) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        reader = real_openat(AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
    }
    if (old_length && pread(reader, old, old_length, offset) != (ssize_t)old_length) die("pread");
    if (reader != fd) real_close(reader);
    struct iovec parts[3] = {{head, sizeof head}, {old, old_length}, {(void *)bytes, length}};
    if (writev(file->journal, parts, 3) != (ssize_t)(sizeof head + old_length + length)) die("journal");
    free(old);
    file->records++;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    struct file *file = file_of(fd);
    if (!file) return real_pwrite(fd, bytes, length, offset);
    pthread_mutex_lock(&mutex);
    note(file, fd, 'W', bytes, length, offset);
    ssize_t written = real_pwrite(fd, bytes, length, offset);
    pthread_mutex_unlock(&mutex);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return pwrite64(fd, bytes, length, offset);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    struct file *file = file_of(fd);
    if (!file) return real_write(fd, bytes, length);
    pthread_mutex_lock(&mutex);
    int appends = fcntl(fd, F_GETFL) & O_APPEND;
    off_t offset = lseek(fd, 0, appends ? SEEK_END : SEEK_CUR);
    note(file, fd, 'W', bytes, length, offset);
    ssize_t written = real_write(fd, bytes, length);
    pthread_mutex_unlock(&mutex);
    return written;
}

int ftruncate64(int fd, off_t length) {
    struct file *file = file_of(fd);
    if (!file) return real_ftruncate(fd, length);
    pthread_mutex_lock(&mutex);
    note(file, fd, 'T', NULL, 0, length);
    int done = real_ftruncate(fd, length);
    pthread_mutex_unlock(&mutex);
    return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

// Another thread may write while a file is flushed: only what was there before the flush is safe. Such a
// flush drops nothing if more came meanwhile, and the record `S` says up to where it went.
static int flushed(int fd, int (*real)(int)) {
    struct file *file = file_of(fd);
    if (!file) return real(fd);
    pthread_mutex_lock(&mutex);
    uint64_t before = file->records;
    pthread_mutex_unlock(&mutex);
    usleep(flush_us);
    int done = real(fd);
    if (done) return done;
    pthread_mutex_lock(&mutex);
    if (file->records == before) {
        if (real_ftruncate(file->journal, 0)) die("journal");
        file->records = 0;
    } else if (file->records > before) {
        uint64_t head[5] = {'S', before, 0, 0, 0};
        if (real_write(file->journal, head, sizeof head) != sizeof head) die("journal");
    }
    pthread_mutex_unlock(&mutex);
    return 0;
}

int fsync(int fd) { return flushed(fd, real_fsync); }
int fdatasync(int fd) { return flushed(fd, real_fdatasync); }

#define OPEN(name, ...)                                   \
    {                                                     \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode_t mode = va_arg(rest, mode_t);               \
        va_end(rest);                                     \
        return opened(real_openat(__VA_ARGS__, flags, mode)); \
    }

int open(const char *path, int flags, ...) OPEN(open, AT_FDCWD, path)
int open64(const char *path, int flags, ...) OPEN(open64, AT_FDCWD, path)
int openat(int folder, const char *path, int flags, ...) OPEN(openat, folder, path)
int openat64(int folder, const char *path, int flags, ...) OPEN(openat64, folder, path)

int close(int fd) {
    if (fd >= 0 && fd < FDS_MAX) watched[fd] = 0;
    return real_close(fd);
}
