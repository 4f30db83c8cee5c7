#include "port/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int futex_op(int op, bool shared)
{
    return shared ? op : op | FUTEX_PRIVATE_FLAG;
}

bool weft__futex_wait(weft__futex *f, uint32_t seen, int64_t deadline_ns, bool shared)
{
    /* WAIT_BITSET takes a point on the monotonic clock, so a signal does not lengthen the wait. */
    struct timespec at;
    struct timespec *limit = NULL;
    if (deadline_ns != INT64_MAX) {
        int64_t ns = deadline_ns < 0 ? 0 : deadline_ns;
        at.tv_sec = ns / 1000000000;
        at.tv_nsec = ns % 1000000000;
        limit = &at;
    }
    long r = syscall(SYS_futex, &f->v, futex_op(FUTEX_WAIT_BITSET, shared), seen, limit, NULL,
                     FUTEX_BITSET_MATCH_ANY);
    return !(r < 0 && errno == ETIMEDOUT);
}

void weft__futex_wake(weft__futex *f, int n, bool shared)
{
    syscall(SYS_futex, &f->v, futex_op(FUTEX_WAKE, shared), n, NULL, NULL, 0);
}

void weft__cpu_yield(void)
{
    sched_yield();
}
