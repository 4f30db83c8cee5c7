#include "notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "wordcount: ";

/* Room for `len` more bytes and a line end. */
static char *room(notes *n, size_t len)
{
    size_t need = n->len + strlen(PREFIX) + len + 2;
    if (need > n->size) {
        char *text = realloc(n->text, need * 2);
        if (text == NULL)
            return NULL;
        n->text = text;
        n->size = need * 2;
    }
    return n->text + n->len;
}

void notes_add(notes *n, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *line = len < 0 ? NULL : room(n, (size_t)len);
    if (line == NULL) {
        fputs("wordcount: no memory for a message about a file\n", stderr);
    } else {
        memcpy(line, PREFIX, strlen(PREFIX));
        char *text = line + strlen(PREFIX);
        vsnprintf(text, (size_t)len + 1, format, again);
        for (char *c = text; *c != '\0'; c++)
            if ((unsigned char)*c < ' ' || *c == 0x7f)
                *c = '?';
        text[len] = '\n';
        n->len = (size_t)(text + len + 1 - n->text);
    }
    va_end(again);
    va_end(args);
}

void notes_print(notes *n)
{
    fwrite(n->text, 1, n->len, stderr);
    n->len = 0;
}

void notes_free(notes *n)
{
    free(n->text);
    *n = (notes){0};
}
