#include "progress.h"

#include <stdio.h>
#include <string.h>

enum { LINE = 256, NARROWEST_BAR = 10, WIDEST_BAR = 40 };

/* What is known in words and figures. */
static size_t figures(const progress *p, double seconds, char *text, size_t size)
{
    double done = (double)p->done / 1e6, total = (double)p->total / 1e6;
    double rate = seconds > 0 ? done / seconds : 0;
    if (!p->whole || p->done > p->total)
        return (size_t)snprintf(text, size, "%.1f MB, %.1f MB/s", done, rate);
    int n = snprintf(text, size, "%.1f of %.1f MB, %.1f MB/s", done, total, rate);
    if (rate > 0) {
        long left = (long)((total - done) / rate + 0.5);
        n += snprintf(text + n, size - (size_t)n, ", %ld:%02ld left", left / 60, left % 60);
    }
    return (size_t)n;
}

size_t progress_line(const progress *p, int64_t now, char *line, size_t size)
{
    char text[LINE];
    size_t len = figures(p, (double)(now - p->started) / 1e9, text, sizeof text), at = 0;
    size_t room = (size_t)p->width < size ? (size_t)p->width - 1 : size - 1;
    if (p->whole && p->done <= p->total && p->total > 0 && room >= len + NARROWEST_BAR + 3) {
        size_t bar = room - len - 3 < WIDEST_BAR ? room - len - 3 : WIDEST_BAR;
        size_t full = (size_t)((double)bar * ((double)p->done / (double)p->total));
        line[at++] = '[';
        memset(line + at, '=', full);
        memset(line + at + full, ' ', bar - full);
        at += bar;
        line[at++] = ']';
        line[at++] = ' ';
    }
    len = len < room - at ? len : room - at;
    memcpy(line + at, text, len);
    line[at + len] = '\0';
    return at + len;
}

void progress_draw(progress *p, int64_t now)
{
    char line[LINE + 1];
    if (p->width <= 1)
        return;
    size_t len = progress_line(p, now, line, LINE), before = p->shown;
    p->shown = len;
    for (; len < before; len++)
        line[len] = ' ';
    line[len++] = '\r';
    fwrite(line, 1, len, stderr);
    fflush(stderr);
}

void progress_clear(progress *p)
{
    if (p->shown > 0)
        fprintf(stderr, "%*s\r", (int)p->shown, "");
    fflush(stderr);
    p->shown = 0;
}
