#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk_level {
    DIR *dir;
    size_t path_len; /* of the directory's own path */
};

void walk_init(walk *w, char *const *paths, size_t n, notes *out)
{
    *w = (walk){.paths = paths, .left = n, .notes = out};
}

const char *walk_kind(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    case S_IFDIR:
        return "a directory";
    default:
        return "not a regular file";
    }
}

static void note_error(walk *w, const char *what, int error)
{
    if (w->notes == NULL)
        return;
    notes_add(w->notes, "%s: %s", what, strerror(error));
    w->notes->failed = true;
}

/* Set w->path to the name in the directory being read, or to a path of its own if there is none. */
static bool set_path(walk *w, const char *name)
{
    size_t at = w->depth > 0 ? w->levels[w->depth - 1].path_len : 0;
    size_t need = at + strlen(name) + 2;
    if (need > w->path_size) {
        char *path = realloc(w->path, need * 2);
        if (path == NULL)
            return false;
        w->path = path;
        w->path_size = need * 2;
    }
    if (w->depth > 0 && w->path[at - 1] != '/')
        w->path[at++] = '/';
    memcpy(w->path + at, name, strlen(name) + 1);
    return true;
}

/* Go on in the directory that w->name is. */
static void enter(walk *w)
{
    if (w->depth == w->level_size) {
        size_t size = w->level_size * 2 + 16;
        struct walk_level *levels = realloc(w->levels, size * sizeof *levels);
        if (levels == NULL) {
            note_error(w, w->path, ENOMEM);
            return;
        }
        w->levels = levels;
        w->level_size = size;
    }
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (w->given ? 0 : O_NOFOLLOW);
    int fd = openat(w->dir, w->name, flags);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        note_error(w, w->path, errno);
        if (fd >= 0)
            close(fd);
        return;
    }
    w->levels[w->depth++] = (struct walk_level){dir, strlen(w->path)};
}

/* Whether w->name is a file to be read. Enters it if it is a directory. */
static bool look(walk *w, unsigned char type)
{
    if (type == DT_REG)
        return true;
    if (type == DT_LNK)
        return false;
    if (type != DT_DIR) {
        struct stat st;
        if (fstatat(w->dir, w->name, &st, w->given ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
            note_error(w, w->path, errno);
            return false;
        }
        if (S_ISREG(st.st_mode))
            return true;
        if (S_ISLNK(st.st_mode))
            return false;
        if (!S_ISDIR(st.st_mode)) {
            if (w->notes != NULL) {
                notes_add(w->notes, "%s: %s, skipped", w->path, walk_kind(st.st_mode));
                w->notes->failed |= w->given;
            }
            return false;
        }
    }
    enter(w);
    return false;
}

/* The next name of the directory being read; NULL, and that directory is left, at its end. */
static struct dirent *next_name(walk *w)
{
    struct walk_level *level = &w->levels[w->depth - 1];
    for (;;) {
        errno = 0;
        struct dirent *d = readdir(level->dir);
        if (d == NULL) {
            int error = errno;
            w->path[level->path_len] = '\0';
            if (error != 0)
                note_error(w, w->path, error);
            closedir(level->dir);
            w->depth--;
            return NULL;
        }
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            return d;
    }
}

bool walk_next(walk *w)
{
    for (;;) {
        unsigned char type = DT_UNKNOWN;
        w->given = w->depth == 0;
        if (!w->given) {
            struct dirent *d = next_name(w);
            if (d == NULL)
                continue;
            w->dir = dirfd(w->levels[w->depth - 1].dir);
            w->name = d->d_name;
            type = d->d_type;
        } else if (w->left > 0) {
            w->dir = AT_FDCWD;
            w->name = *w->paths++;
            w->left--;
        } else {
            return false;
        }
        if (!set_path(w, w->name))
            note_error(w, w->name, ENOMEM);
        else if (look(w, type))
            return true;
    }
}

void walk_fini(walk *w)
{
    while (w->depth > 0)
        closedir(w->levels[--w->depth].dir);
    free(w->levels);
    free(w->path);
    *w = (walk){0};
}
