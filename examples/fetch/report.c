#include "report.h"

#include <inttypes.h>

/* Text of somebody else, with what a terminal would obey as question marks. */
static void put_plain(const char *text, FILE *out)
{
    for (; *text != '\0'; text++)
        putc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void put_json(const char *text, FILE *out)
{
    putc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < ' ' || c >= 0x7f) /* bytes, which need not be UTF-8 */
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

static void put_field(const char *name, const char *text, FILE *out)
{
    fprintf(out, ", \"%s\": ", name);
    if (text[0] == '\0')
        fputs("null", out);
    else
        put_json(text, out);
}

static void report_json(const download *d, FILE *out)
{
    fputs("{\"url\": ", out);
    put_json(d->url, out);
    fprintf(out, ", \"done\": %s, \"status\": %d, \"bytes\": %" PRIu64 ", \"seconds\": %.3f",
            d->done ? "true" : "false", d->status, d->bytes, d->seconds);
    put_field("file", d->file, out);
    put_field("error", d->why, out);
    fputs("}\n", out);
}

void report_download(const download *d, bool json, FILE *out)
{
    if (json) {
        report_json(d, out);
    } else {
        fprintf(out, "%-6s %10" PRIu64 " %7.2f s  ", d->done ? "done" : "FAILED", d->bytes,
                d->seconds);
        put_plain(d->url, out);
        if (d->file[0] != '\0')
            fprintf(out, " -> %s", d->file);
        if (!d->done) {
            fputs(": ", out);
            put_plain(d->why, out);
        }
        putc('\n', out);
    }
    fflush(out);
}

size_t report_all(const download *all, size_t n, double seconds, bool json)
{
    size_t done = 0, failed = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        done += all[i].done;
        failed += all[i].begun && !all[i].done;
        bytes += all[i].bytes;
    }
    double megabytes = (double)bytes / 1e6, rate = seconds > 0 ? megabytes / seconds : 0;
    if (json)
        printf("{\"urls\": %zu, \"done\": %zu, \"failed\": %zu, \"not_tried\": %zu, \"bytes\": "
               "%" PRIu64 ", \"seconds\": %.3f}\n",
               n, done, failed, n - done - failed, bytes, seconds);
    else
        fprintf(stderr,
                "%zu URL%s: %zu done, %zu failed, %zu not tried, %.1f MB, %.2f s, %.1f MB/s\n", n,
                n == 1 ? "" : "s", done, failed, n - done - failed, megabytes, seconds, rate);
    return n - done;
}
