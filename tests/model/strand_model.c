/* The loop place: its tasks run one at a time and in the order of each one that made them ready, and none is
 * left behind. Whoever gets the carrier carries. */
#include "model/leave.h"

enum { EACH = 2, TURN = 16 };

static weft__task item[WORKERS][EACH];
static model_plain given[WORKERS][EACH]; /* by who makes a task ready */
static model_plain world;                /* of the tasks of the loop: they need no lock */
static WEFT_ATOMIC(uint32_t) carriers;
static int ran, next[WORKERS], pushes_of[WORKERS];

/* What the library asks of others. */
void weft__make_work(weft *w, weft__task *t)
{
    require(t == &w->strand.carrier);
    require(weft_atomic_exchange(&carriers, 1, WEFT_ACQ_REL) == 0);
}

/* The threads make so many ready each. */
static void begin(int first, int second, int third)
{
    begin_workers();
    weft__strand_init(&rt.strand, &rt);
    model_write(&world, 0);
    weft_atomic_store(&carriers, 0, WEFT_RELAXED);
    ran = 0;
    pushes_of[0] = first, pushes_of[1] = second, pushes_of[2] = third;
    for (int i = 0; i < WORKERS; i++) {
        next[i] = 0;
        workers[i].loop_left = TURN;
        for (int n = 0; n < EACH; n++)
            item[i][n] = (weft__task){.arg = (void *)(intptr_t)(i * EACH + n)};
    }
}

static void one_each(void)
{
    begin(1, 1, 0);
}

static void two_and_one(void)
{
    begin(2, 1, 0);
}

static void two_each(void)
{
    begin(2, 2, 0);
}

static void three(void)
{
    begin(2, 2, 2);
}

static void runs(weft__task *t)
{
    int number = (int)(intptr_t)t->arg;
    require(number % EACH == next[number / EACH]++);
    require(model_read(&given[number / EACH][number % EACH]) == 1);
    model_write(&world, model_read(&world) + 1);
    ran++;
}

/* What a worker does when it takes the carrier out of a ring. */
static void carry(int i)
{
    weft__worker *me = &workers[i];
    while (weft_atomic_exchange(&carriers, 0, WEFT_ACQ_REL) == 1) {
        me->carrying = true;
        for (weft__task *t; (t = weft__strand_next(me));)
            runs(t);
    }
}

static void pushes(int i)
{
    for (int n = 0; n < pushes_of[i]; n++) {
        model_write(&given[i][n], 1);
        weft__strand_push(&rt, &item[i][n]);
        carry(i);
    }
}

static void all_ran(void)
{
    require(ran == pushes_of[0] + pushes_of[1] + pushes_of[2]);
    require(weft_atomic_load(&carriers, WEFT_RELAXED) == 0);
}

const model models[] = {{"strand.two", 2, one_each, pushes, all_ran},
                        {"strand.again", 2, two_and_one, pushes, all_ran},
                        {"strand.long", 2, two_each, pushes, all_ran},
                        {"strand.three", 3, three, pushes, all_ran},
                        {NULL, 0, NULL, NULL, NULL}};
