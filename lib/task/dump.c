/* The state of an engine in words, for whoever has to find out why nothing goes on. It reads what others
 * write, without a word to them: what it says is right of all that stands still. */
#include "task/dump.h"

#include <stdarg.h>
#include <stdio.h>

#include "task/worker.h"

struct sink {
    void (*line)(void *arg, const char *text);
    void *arg;
};

static void say(const struct sink *to, const char *format, ...) WEFT__PRINTF(2, 3);
static void say(const struct sink *to, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    to->line(to->arg, text);
}

static const char *place_name(const weft_place *p)
{
    static const char *const names[] = {"pool", "loop", "threads"};
    return p ? names[p->kind] : "no place";
}

/* `t` is there, as `sort` of task. */
static void say_task(const struct sink *to, const char *sort, weft__task *t)
{
    const weft__waiter *w = &t->waiter;
    const weft__task *inside = weft_atomic_load(&t->inside, WEFT_RELAXED);
    uint32_t word = weft_atomic_load(&w->state, WEFT_RELAXED);
    weft__stack *s = t->stack;
    say(to, "%s %p %s, %s%s%s%s%s: %s %s%s%s%s", sort, (void *)t, w->name, place_name(t->place),
        !s ? ", not begun" : "",
        word & WEFT__PARKED   ? ", parked"
        : word & WEFT__ASLEEP ? ", asleep"
                              : "",
        word & WEFT__LOOK ? ", told to look" : "", word & WEFT__GRANTED ? ", granted" : "",
        w->what ? w->what : "no wait", w->on ? w->on : "", w->listed ? ", listed" : "",
        inside ? ", runs a child inside" : "", t->host ? ", under another" : "");
    if (s && s->forks.here.me == w && s->forks.slots) {
        uint64_t span = weft_atomic_load(&s->forks.span, WEFT_RELAXED);
        say(to, "    children: %u, %u shared, %u taken%s",
            (unsigned)(s->forks.here.head - s->forks.slots), (unsigned)weft__span_split(span),
            (unsigned)weft__span_tail(span), s->listed ? ", listed where thieves look" : "");
    }
}

static void say_worker(const struct sink *to, weft__worker *k)
{
    weft__stack *s = weft_atomic_load(&k->stack, WEFT_ACQUIRE); /* pairs with go() in worker.c */
    const weft__waiter *on = s ? s->forks.here.me : NULL;
    say(to, "worker %d: on %s, ready %u, fresh %u%s%s%s", k->index, on ? on->name : "nothing",
        (unsigned)weft__ring_length(&k->ready), (unsigned)weft__ring_length(&k->fresh),
        weft__list_empty(&k->asleep) ? ""
        : k->in_poller               ? ", asleep in the poller"
                                     : ", asleep",
        k->searching ? ", searching" : "", k->carrying ? ", carries the loop" : "");
}

static void say_one(void *arg, weft__task *t)
{
    say_task(arg, "task", t);
}

static void say_child(void *arg, weft__stack *s)
{
    if (s->forks.here.me == &s->guest.waiter)
        say_task(arg, "child", &s->guest);
}

void weft__engine_dump(weft *w, void (*line)(void *arg, const char *text), void *arg)
{
    struct sink to = {line, arg};
    for (int i = 0; i < w->workers; i++)
        say_worker(&to, &w->worker[i]);
    say(&to, "sleepers %u, searching %u, poll token %s, inbox %u, stacks left with children %u",
        weft_atomic_load(&w->idle.sleepers, WEFT_RELAXED),
        weft_atomic_load(&w->idle.searching, WEFT_RELAXED),
        weft_atomic_load(&w->poll.token, WEFT_RELAXED) ? "held" : "free",
        weft_atomic_load(&w->inbox.count, WEFT_RELAXED),
        weft_atomic_load(&w->idle.lefts, WEFT_RELAXED));
    weft__tasks_each(&w->tasks, say_one, &to);
    weft__stacks_each(&w->stacks, say_child, &to);
}
