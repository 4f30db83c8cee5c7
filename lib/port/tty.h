/* port/tty.h: terminals and jobs. */
#ifndef WEFT_PORT_TTY_H
#define WEFT_PORT_TTY_H

#include <stdbool.h>

bool weft__tty_is(int fd);

/* Whether this process is in the foreground of the terminal `fd`, and so may read from it. */
bool weft__tty_foreground(int fd);

#endif
