/* A look-up that a side thread makes: who waits for it has what it found, or has given up, and its memory is
 * freed once, by whichever of both is second. */
#include "weft/address.h"

#include <string.h>

#include "model/leave.h"
#include "port/address.h"
#include "port/number.h"
#include "port/resolve.h"

enum { DUE = 5 };

static WEFT_ATOMIC(weft__job *) submitted;
static WEFT_ATOMIC(uint32_t) given; /* a job */
static WEFT_ATOMIC(uint32_t) cancel;
static model_plain answer;
static weft_err result;

/* What the library asks of others. */
bool weft__cancelled(const weft__waiter *self)
{
    return self == &tasks[0].waiter && weft_atomic_load(&cancel, WEFT_ACQUIRE) != 0;
}

weft_err weft_address_parse(weft_address *a, const char *text)
{
    (void)a, (void)text;
    return WEFT_INVALID; /* it is a name */
}

bool weft__number_read(const char *text, int64_t min, int64_t max, int64_t *out)
{
    (void)text, (void)min, (void)max;
    *out = 1;
    return true;
}

weft_err weft__resolve(const char *host, const char *service, weft_address *out, int cap, int *n)
{
    (void)host, (void)service, (void)cap;
    memset(out, 0, sizeof *out);
    *n = 1;
    model_write(&answer, 1);
    return WEFT_OK;
}

weft_err weft__side_submit(weft__side *s, weft__job *job)
{
    (void)s;
    weft_atomic_store(&submitted, job, WEFT_RELEASE);
    weft_atomic_store(&given, 1, WEFT_RELEASE);
    weft__futex_wake(&given, 1, false);
    return WEFT_OK;
}

static void with_task(void)
{
    begin_workers();
    weft_atomic_store(&submitted, NULL, WEFT_RELAXED);
    weft_atomic_store(&given, 0, WEFT_RELAXED);
    weft_atomic_store(&cancel, 0, WEFT_RELAXED);
}

static void with_thread(void)
{
    with_task();
    tasks[0].waiter.kind = WEFT__WAITER_THREAD;
}

static void makes_the_job(void)
{
    while (weft_atomic_load(&given, WEFT_ACQUIRE) == 0)
        weft__futex_wait(&given, 0, INT64_MAX, false);
    weft__job *job = weft_atomic_load(&submitted, WEFT_ACQUIRE);
    job->kind->run(job);
}

static void resolves(weft_deadline by)
{
    weft_address found;
    int n = 0;
    result = weft_resolve(&rt, "host:1", &found, 1, &n, by);
    if (result == WEFT_OK)
        require(n == 1 && model_read(&answer) == 1);
}

static void waits(int i)
{
    if (i > 0) {
        makes_the_job();
        return;
    }
    resolves(WEFT_FOREVER);
    require(result == WEFT_OK);
}

static void late(int i)
{
    if (i > 0) {
        makes_the_job();
        return;
    }
    resolves((weft_deadline){DUE});
    require(result == WEFT_OK || result == WEFT_LATE);
}

/* By the same thread, before or after it has the job done. */
static void cancelled(int i)
{
    if (i > 0) {
        bool before = model_choose(2);
        if (before) {
            weft_atomic_store(&cancel, 1, WEFT_RELEASE);
            weft__unpark(&tasks[0].waiter);
        }
        makes_the_job();
        return;
    }
    resolves(WEFT_FOREVER);
    require(result == WEFT_OK || result == WEFT_CANCELLED);
}

static void cancelled_by_another(int i)
{
    if (i == 2) {
        weft_atomic_store(&cancel, 1, WEFT_RELEASE);
        weft__unpark(&tasks[0].waiter);
    } else {
        cancelled(i);
    }
}

static void freed(void)
{
    require(model_held() == 0);
}

const model models[] = {{"resolve.task", 2, with_task, waits, freed},
                        {"resolve.thread", 2, with_thread, waits, freed},
                        {"resolve.late", 2, with_thread, late, freed},
                        {"resolve.cancelled", 2, with_task, cancelled, freed},
                        {"resolve.by-another", 3, with_task, cancelled_by_another, freed},
                        {NULL, 0, NULL, NULL, NULL}};
