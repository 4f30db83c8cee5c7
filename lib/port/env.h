/* port/env.h: the environment and the host. */
#ifndef WEFT_PORT_ENV_H
#define WEFT_PORT_ENV_H

#include <stddef.h>

/* The value of a variable, or NULL. */
const char *weft__env_get(const char *name);
/* Set "NAME=VALUE"; the text belongs to the environment from then on. */
void weft__env_set(char *text);
void weft__env_unset(const char *name);
/* The variable number `i` as "NAME=VALUE"; NULL after the last. */
const char *weft__env_at(int i);

int weft__process_id(void);

/* What makes two processes able to share memory, in one line: boot id, host name, pid namespace. */
void weft__host_identity(char *buf, size_t cap);
/* The host's name. */
void weft__host_name(char *buf, size_t cap);

/* The width of the terminal that `fd` is, or 0. */
int weft__tty_width(int fd);

#endif
