#include "port/linux/quiet.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

void weft__quiet_begin(weft__quiet *q)
{
    sigset_t raised;
    sigemptyset(&raised);
    sigaddset(&raised, SIGPIPE);
    sigaddset(&raised, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &raised, &q->before);
    sigpending(&q->waiting);
}

void weft__quiet_end(const weft__quiet *q, int error)
{
    int saved = errno, number = error == EPIPE ? SIGPIPE : error == EFBIG ? SIGXFSZ : 0;
    if (number != 0 && sigismember(&q->waiting, number) == 0) {
        const struct timespec now = {0};
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, number);
        while (sigtimedwait(&one, NULL, &now) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &q->before, NULL);
    errno = saved;
}
