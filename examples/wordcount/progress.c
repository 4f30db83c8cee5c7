#include "progress.h"

#include <stdio.h>

enum { TEXT = 256 };

static bool total_known(const progress *p)
{
    return p->whole && p->done <= p->total;
}

static double part(const progress *p)
{
    return total_known(p) && p->total > 0 ? (double)p->done / (double)p->total : -1;
}

/* What is known in words and figures. */
static void figures(const progress *p, int64_t now, char *text, size_t size)
{
    double done = (double)p->done / 1e6, total = (double)p->total / 1e6;
    double seconds = (double)(now - p->started) / 1e9, rate = seconds > 0 ? done / seconds : 0;
    if (!total_known(p)) {
        snprintf(text, size, "%.1f MB, %.1f MB/s", done, rate);
        return;
    }
    int n = snprintf(text, size, "%.1f of %.1f MB, %.1f MB/s", done, total, rate);
    if (rate > 0) {
        long left = (long)((total - done) / rate + 0.5);
        snprintf(text + n, size - (size_t)n, ", %ld:%02ld left", left / 60, left % 60);
    }
}

size_t progress_line(const progress *p, int64_t now, char *line, size_t size)
{
    char text[TEXT];
    figures(p, now, text, sizeof text);
    return bar_line(&p->bar, part(p), text, line, size);
}

void progress_draw(progress *p, int64_t now)
{
    char text[TEXT];
    figures(p, now, text, sizeof text);
    bar_draw(&p->bar, part(p), text);
}

void progress_clear(progress *p)
{
    bar_clear(&p->bar);
}
