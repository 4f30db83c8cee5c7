/* notes.h: messages that wait to be printed.
 *
 * What reads files runs on a thread of its own while a progress bar may stand on the terminal. It
 * writes down here what it has to say; the task on the loop that waits for it prints it.
 */
#ifndef NOTES_H
#define NOTES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct notes {
    char *text; /* whole lines */
    size_t len, size;
    bool failed; /* something that was asked for could not be counted */
} notes;

/* Add one line. Control characters in it, as a file's name may have them, become question marks. */
__attribute__((format(printf, 2, 3))) void notes_add(notes *n, const char *format, ...);

/* Print the lines to standard error and forget them. */
void notes_print(notes *n);

void notes_free(notes *n);

#endif
