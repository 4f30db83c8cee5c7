/* The ring of a worker's tasks: nobody gets a task twice, nobody gets one that is not there, none is
 * lost, and what its maker wrote is seen by who takes it. */
#include <string.h>

#include "model/checker.h"
#include "task/ring.h"

enum { TASKS = 6 };

struct weft__task {
    model_plain payload;
};

static weft__ring ring;
static struct weft__task task[TASKS];
static int pushed, taken[TASKS];

static void push(void)
{
    model_write(&task[pushed].payload, 100 + pushed);
    pushed += weft__ring_push(&ring, &task[pushed]);
}

static void took(struct weft__task *t)
{
    require(t >= task && t < task + pushed);
    require(model_read(&t->payload) == (uint64_t)(100 + (t - task)));
    require(taken[t - task]++ == 0);
}

static void take(struct weft__task *(*from)(weft__ring *r))
{
    struct weft__task *t = from(&ring);
    if (t)
        took(t);
}

static void steal(uint32_t most)
{
    struct weft__task *out[TASKS];
    uint32_t n = weft__ring_steal(&ring, out, most);
    require(n <= most);
    for (uint32_t i = 0; i < n; i++)
        took(out[i]);
}

static void reset(int n)
{
    weft__ring_init(&ring, false);
    memset(taken, 0, sizeof taken);
    for (pushed = 0; pushed < n;)
        push();
}

static void empty(void)
{
    reset(0);
}

static void one(void)
{
    reset(1);
}

static void two(void)
{
    reset(2);
}

static void nothing_lost(void)
{
    struct weft__task *t;
    while ((t = weft__ring_pop(&ring)))
        took(t);
    for (int i = 0; i < pushed; i++)
        require(taken[i] == 1);
}

static void publish(int i)
{
    if (i > 0) {
        steal(2);
        return;
    }
    push();
    push();
}

static void front(int i)
{
    if (i > 0) {
        steal(1);
        return;
    }
    take(weft__ring_pop);
    take(weft__ring_pop);
}

static void back(int i)
{
    if (i > 0) {
        steal(2);
        return;
    }
    take(weft__ring_pop_back);
    take(weft__ring_pop_back);
}

/* A slot is used again while a thief may still read it. */
static void around(int i)
{
    if (i > 0) {
        steal(2);
        return;
    }
    push();
    take(weft__ring_pop);
    push();
}

/* The index of the only one comes again with another in it. */
static void last(int i)
{
    if (i > 0) {
        steal(1);
        return;
    }
    take(weft__ring_pop_back);
    push();
    take(weft__ring_pop_back);
}

static void all(int i)
{
    if (i > 0) {
        steal(2);
        steal(1);
        return;
    }
    push();
    take(weft__ring_pop_back);
    push();
    push();
    take(weft__ring_pop);
    push();
    take(weft__ring_pop_back);
}

const model models[] = {{"ring.publish", 2, empty, publish, nothing_lost},
                        {"ring.front", 2, two, front, nothing_lost},
                        {"ring.back", 2, two, back, nothing_lost},
                        {"ring.around", 2, two, around, nothing_lost},
                        {"ring.last", 2, one, last, nothing_lost},
                        {"ring.all", 3, one, all, nothing_lost},
                        {NULL, 0, NULL, NULL, NULL}};
