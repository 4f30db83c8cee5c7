/* report.h: what became of the downloads, as text or as JSON. */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>
#include <stdio.h>

#include "download.h"

/* Print a line about one that has ended. */
void report_download(const download *d, bool json, FILE *out);

/* Print a line about all `n` of them, after `seconds`: JSON to standard output, text to standard error.
 * Returns how many failed or were not tried. */
size_t report_all(const download *all, size_t n, double seconds, bool json);

#endif
