#include "port/tty.h"

#include <unistd.h>

bool weft__tty_is(int fd)
{
    return isatty(fd) == 1;
}

bool weft__tty_foreground(int fd)
{
    return tcgetpgrp(fd) == getpgrp();
}
