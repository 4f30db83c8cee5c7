#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "words.h"

/* Notes are printed between two pieces; a piece is cut short when there are so many. */
enum { MANY_NOTES = 4096 };

bool source_init(source *s, char *const *paths, size_t n)
{
    *s = (source){.fd = -1, .carry = malloc(SOURCE_PIECE)};
    walk_init(&s->walk, paths, n, &s->notes);
    return s->carry != NULL;
}

static void note_failure(source *s, const char *why)
{
    notes_add(&s->notes, "%s: %s", s->walk.path, why);
    s->notes.failed = true;
}

/* Open the file that the walk found. What it was may have changed since: opening a FIFO does not
 * wait for a writer, and a link that stands in a directory now is not followed. */
static void open_file(source *s)
{
    const walk *w = &s->walk;
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (w->given ? 0 : O_NOFOLLOW);
    int fd = openat(w->dir, w->name, flags);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        note_failure(s, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        notes_add(&s->notes, "%s: %s, skipped", w->path, walk_kind(st.st_mode));
        s->notes.failed |= w->given;
    } else {
        s->fd = fd;
        s->files++;
        return;
    }
    if (fd >= 0)
        close(fd);
}

static void close_file(source *s)
{
    close(s->fd);
    s->fd = -1;
}

/* Read up to `room` bytes of the open file; 0 at its end, which closes it. */
static size_t read_some(source *s, unsigned char *to, size_t room)
{
    ssize_t n;
    do
        n = read(s->fd, to, room);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        s->bytes += (uint64_t)n;
        return (size_t)n;
    }
    if (n < 0)
        note_failure(s, strerror(errno));
    close_file(s);
    return 0;
}

/* Read on until the word that starts with the `len` bytes at `piece` ends, and count it. What was
 * read beyond it is carried. */
static void gather_word(source *s, const unsigned char *piece, size_t len)
{
    size_t size = 2 * SOURCE_PIECE, beyond = 0;
    unsigned char *word = malloc(size + WORDS_SLACK);
    if (word != NULL)
        memcpy(word, piece, len);
    while (word != NULL && s->fd >= 0 && beyond == 0) {
        if (size - len < SOURCE_PIECE) {
            size += size / 2;
            unsigned char *more = realloc(word, size + WORDS_SLACK);
            if (more == NULL)
                free(word);
            word = more;
            continue;
        }
        size_t n = read_some(s, word + len, SOURCE_PIECE - 1);
        size_t head = words_head(word + len, n);
        len += head;
        beyond = n - head;
    }
    if (word == NULL) {
        note_failure(s, "a word too long for the memory there is, the rest of the file is skipped");
        close_file(s);
        return;
    }
    memcpy(s->carry, word + len, beyond);
    s->carried = beyond;
    words_count(&s->words, word, len);
    free(word);
}

void source_fill(source *s, unsigned char *piece, size_t *len)
{
    const size_t room = SOURCE_PIECE - 1; /* and a byte that parts two files */
    size_t n = s->carried;
    memcpy(piece, s->carry, n);
    s->carried = 0;
    while (n < room && s->notes.len < MANY_NOTES) {
        if (s->fd < 0) {
            if (!walk_next(&s->walk)) {
                s->ended = true;
                break;
            }
            open_file(s);
            continue;
        }
        size_t got = read_some(s, piece + n, room - n);
        n += got;
        if (got == 0 && n > 0 && words_byte(piece[n - 1]))
            piece[n++] = '\n';
    }
    size_t tail = s->fd < 0 ? 0 : words_tail(piece, n);
    if (tail == n && n >= room) {
        gather_word(s, piece, n);
        n = 0;
    } else {
        memcpy(s->carry, piece + n - tail, tail);
        s->carried = tail;
        n -= tail;
    }
    *len = n;
}

void source_fini(source *s)
{
    if (s->fd >= 0)
        close_file(s);
    walk_fini(&s->walk);
    free(s->carry);
    table_free(&s->words);
    notes_free(&s->notes);
}
