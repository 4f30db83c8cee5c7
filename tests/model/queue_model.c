/* The queue in a process: each item is got once, in the order of each one that put, with all that was
 * written before it; nobody waits for ever; who got the last item frees the queue. Lanes are lent after few
 * items, so that they are called back often. */
#include "model/leave.h"
#include <string.h>

#include "sync/local.h"
#include "weft/queue.h"

enum { ITEMS = 8, ROOM = 2 };

static weft_queue *queue;
static model_plain payload[ITEMS]; /* of the item, or of the slot */
static int got[ITEMS], last[WORKERS];
static int all, wanted, streams; /* so many items, where that differs */
static bool one_gets;
static model_plain did[ITEMS]; /* by who got an item, before it says that it is done */
static int done;

/* What the library asks of others. */
weft *weft_here(void)
{
    return NULL;
}

void weft__log_line(weft__log *log, weft_level level, const char *format, ...)
{
    (void)log, (void)level, (void)format;
}

/* An item says who put it and how many that one had put before. */
static int item_of(int from, int n)
{
    return from * 4 + n;
}

static void puts_item(int from, int n)
{
    int item = item_of(from, n);
    model_write(&payload[item], 100 + item);
    require(weft_put(queue, &item, sizeof item, WEFT_FOREVER) == WEFT_OK);
}

static void took(int item)
{
    require(item >= 0 && item < ITEMS);
    require(model_read(&payload[item]) == (uint64_t)(100 + item));
    require(got[item]++ == 0);
    require(!one_gets || item % 4 == last[item / 4]++);
    all++;
}

static weft_err gets_item(void)
{
    int item = -1;
    size_t len;
    weft_err e = weft_get(queue, &item, sizeof item, &len, WEFT_FOREVER);
    if (e == WEFT_OK) {
        require(len == sizeof item);
        took(item);
    }
    return e;
}

static void begin(size_t capacity)
{
    begin_workers();
    require(weft_queue_init(&queue, "queue", sizeof(int), capacity) == WEFT_OK);
    memset(got, 0, sizeof got);
    memset(last, 0, sizeof last);
    all = done = 0;
    one_gets = true;
    tasks[1].waiter.kind = WEFT__WAITER_THREAD;
}

static weft__local *local(void)
{
    return (weft__local *)(void *)queue;
}

static void lend(weft__end *e, int thread, bool lightly)
{
    uintptr_t mark = 2 * ((uintptr_t)thread + 1);
    e->lane.last = mark;
    weft__lane_lend(&e->lane, mark, lightly);
}

static void plain(void)
{
    begin(1);
    streams = 3;
}

static void plain_one(void)
{
    plain();
    streams = 1;
}

/* One puts and another one gets, each in its lane. */
static void two_lanes_of(size_t room)
{
    begin(room);
    lend(&local()->put, 0, false);
    lend(&local()->get, 1, false);
}

static void two_lanes(void)
{
    two_lanes_of(ROOM);
    streams = 3;
}

static void one_item(void)
{
    two_lanes_of(ROOM);
    streams = 1;
}

static void two_items(void)
{
    two_lanes_of(ROOM);
    streams = 2;
}

static void one_slot(void)
{
    two_lanes_of(1);
    streams = 2;
}

/* One thread does both. */
static void light_lanes(void)
{
    begin(ROOM);
    lend(&local()->put, 0, true);
    lend(&local()->get, 0, true);
}

static void end(void)
{
    require(all == wanted);
    weft_queue_close(&queue);
}

static void stream(int i)
{
    wanted = streams;
    for (int n = 0; n < streams; n++)
        if (i == 0)
            puts_item(0, n);
        else
            require(gets_item() == WEFT_OK);
}

/* Two that put: the second calls the lane back. */
static void called_back(int i)
{
    wanted = 2;
    puts_item(i, 0);
    if (i == 0)
        return;
    require(gets_item() == WEFT_OK);
    require(gets_item() == WEFT_OK);
}

/* A thread that uses both ends, and one that comes from outside. */
static void visited(int i)
{
    wanted = 2;
    one_gets = false;
    puts_item(i, 0);
    require(gets_item() == WEFT_OK);
}

/* Who finds that it has ended frees it. */
static void ended(int i)
{
    if (i == 0) {
        for (int n = 0; n < streams; n++)
            puts_item(0, n);
        weft_queue_end(queue);
        return;
    }
    while (gets_item() == WEFT_OK)
        ;
    require(all == streams);
    weft_queue_close(&queue);
}

/* The last item is the end: who gets it frees the queue, which who put it does not touch any more. */
static void last_item(int i)
{
    if (i == 0) {
        puts_item(0, 0);
        puts_item(0, 1);
        return;
    }
    require(gets_item() == WEFT_OK);
    require(gets_item() == WEFT_OK);
    weft_queue_close(&queue);
}

static void two_put(int i)
{
    wanted = 4;
    for (int n = 0; n < 2; n++)
        if (i < 2)
            puts_item(i, n);
        else
            require(gets_item() == WEFT_OK && gets_item() == WEFT_OK);
}

static void two_get(int i)
{
    wanted = 4;
    one_gets = false;
    if (i > 0) {
        while (gets_item() == WEFT_OK)
            ;
        return;
    }
    for (int n = 0; n < 4; n++)
        puts_item(0, n);
    weft_queue_end(queue);
}

/* Written and read in the slots themselves. */
static void in_place(int i)
{
    wanted = 4;
    if (i == 2) {
        for (int n = 0; n < 4; n++) {
            void *slot;
            size_t len;
            require(weft_take(queue, &slot, &len, WEFT_FOREVER) == WEFT_OK);
            took(*(int *)slot);
            require(weft_done(queue, slot) == WEFT_OK);
        }
        return;
    }
    for (int n = 0; n < 2; n++) {
        void *slot;
        require(weft_claim(queue, &slot, WEFT_FOREVER) == WEFT_OK);
        *(int *)slot = item_of(i, n);
        model_write(&payload[item_of(i, n)], 100 + (uint64_t)item_of(i, n));
        require(weft_commit(queue, slot, sizeof(int)) == WEFT_OK);
    }
}

/* Gets an item and says that it is done; the last one gone, the queue may be, too. */
static void works_off(int item)
{
    model_write(&did[item], 1);
    done++;
    require(weft_queue_task_done(queue) == WEFT_OK);
}

static void works(int items)
{
    for (int n = 0; n < items; n++) {
        int item = -1;
        size_t len;
        require(weft_get(queue, &item, sizeof item, &len, WEFT_FOREVER) == WEFT_OK);
        took(item);
        works_off(item);
    }
}

/* All are done, and who joined has seen it; it frees the queue at once. */
static void joins(int items)
{
    require(weft_queue_join(queue, WEFT_FOREVER) == WEFT_OK);
    require(done == items);
    for (int item = 0; item < ITEMS; item++)
        require(got[item] == 0 || model_read(&did[item]) == 1);
    weft_queue_close(&queue);
}

static void joined(int i)
{
    if (i > 0) {
        works(streams);
        return;
    }
    for (int n = 0; n < streams; n++)
        puts_item(0, n);
    joins(streams);
}

/* Who gets the first item puts another one before it says that the first is done. */
static void joined_more(int i)
{
    int item = -1;
    size_t len;
    if (i == 0) {
        puts_item(0, 0);
        joins(2);
        return;
    }
    require(weft_get(queue, &item, sizeof item, &len, WEFT_FOREVER) == WEFT_OK);
    took(item);
    puts_item(1, 0);
    works_off(item);
    works(1);
}

/* In the slot itself: claimed counts. */
static void joined_claim(int i)
{
    void *slot;
    if (i > 0) {
        works(1);
        return;
    }
    require(weft_claim(queue, &slot, WEFT_FOREVER) == WEFT_OK);
    *(int *)slot = item_of(0, 0);
    model_write(&payload[item_of(0, 0)], 100 + (uint64_t)item_of(0, 0));
    require(weft_commit(queue, slot, sizeof(int)) == WEFT_OK);
    joins(1);
}

/* Two that work, one puts and joins. */
static void joined_two(int i)
{
    one_gets = false;
    if (i > 0) {
        works(1);
        return;
    }
    puts_item(0, 0);
    puts_item(0, 1);
    joins(2);
}

const model models[] = {{"queue.one", 2, one_item, stream, end},
                        {"queue.two", 2, two_items, stream, end},
                        {"queue.slot", 2, one_slot, stream, end},
                        {"queue.stream", 2, two_lanes, stream, end},
                        {"queue.wait", 2, plain, stream, end},
                        {"queue.called-back", 2, two_lanes, called_back, end},
                        {"queue.visited", 2, light_lanes, visited, end},
                        {"queue.ended", 2, one_item, ended, NULL},
                        {"queue.ended-two", 2, two_items, ended, NULL},
                        {"queue.last-item", 2, plain, last_item, NULL},
                        {"queue.joined", 2, plain_one, joined, NULL},
                        {"queue.joined-lanes", 2, one_item, joined, NULL},
                        {"queue.joined-more", 2, plain, joined_more, NULL},
                        {"queue.joined-claim", 2, plain, joined_claim, NULL},
                        {"queue.two-put", 3, two_lanes, two_put, end},
                        {"queue.two-get", 3, two_lanes, two_get, end},
                        {"queue.light", 3, light_lanes, two_put, end},
                        {"queue.joined-two", 3, plain, joined_two, NULL},
                        {"queue.in-place", 3, two_lanes, in_place, end},
                        {NULL, 0, NULL, NULL, NULL}};
