/* bar.h: a line of standard error that is drawn again and again: a bar, if how much there is to do is known,
 * and a text.
 *
 *     bar b = {.width = weft_terminal(w)};
 *     bar_draw(&b, (double)done / total, "12 of 40 files");   // [=====           ] 12 of 40 files
 *     bar_clear(&b);                                           // before anything else is printed
 *
 * A drawn line ends with a carriage return, so that whatever is printed next starts at its place. One task at
 * a time.
 */
#ifndef BAR_H
#define BAR_H

#include <stddef.h>

typedef struct bar {
    int width;    /* columns of the terminal, or 0: nothing is ever drawn */
    size_t shown; /* characters that stand on the terminal */
} bar;

/* Write the line into `line`, in less than `width` columns and `size` bytes. `part` is how much is done, 0 to
 * 1; less than 0 is not known, and draws no bar.
 * Returns its length. */
size_t bar_line(const bar *b, double part, const char *text, char *line, size_t size);

/* Draw the line. */
void bar_draw(bar *b, double part, const char *text);

/* Take the line away, if there is one. */
void bar_clear(bar *b);

#endif
