#include "bar.h"

#include <stdio.h>
#include <string.h>

enum { LINE = 256, NARROWEST = 10, WIDEST = 40 };

size_t bar_line(const bar *b, double part, const char *text, char *line, size_t size)
{
    size_t len = strlen(text), at = 0;
    size_t room = (size_t)b->width < size ? (size_t)b->width - 1 : size - 1;
    if (part >= 0 && room >= len + NARROWEST + 3) {
        size_t wide = room - len - 3 < WIDEST ? room - len - 3 : WIDEST;
        size_t full = part < 1 ? (size_t)((double)wide * part) : wide;
        line[at++] = '[';
        memset(line + at, '=', full);
        memset(line + at + full, ' ', wide - full);
        at += wide;
        line[at++] = ']';
        line[at++] = ' ';
    }
    len = len < room - at ? len : room - at;
    memcpy(line + at, text, len);
    line[at + len] = '\0';
    return at + len;
}

void bar_draw(bar *b, double part, const char *text)
{
    char line[LINE + 1];
    if (b->width <= 1)
        return;
    size_t len = bar_line(b, part, text, line, LINE), before = b->shown;
    b->shown = len;
    for (; len < before; len++)
        line[len] = ' ';
    line[len++] = '\r';
    fwrite(line, 1, len, stderr);
    fflush(stderr);
}

void bar_clear(bar *b)
{
    if (b->shown > 0)
        fprintf(stderr, "%*s\r", (int)b->shown, "");
    fflush(stderr);
    b->shown = 0;
}
