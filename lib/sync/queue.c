/* The functions of weft/queue.h, for both kinds of queue; and the making of one in this process. */
#include "sync/queue.h"

#include <stdlib.h>

#include "base/log.h"
#include "port/err.h"
#include "sync/local.h"
#include "task/worker.h"

static const weft__queue_kind *kind_of(const weft_queue *q)
{
    return ((const weft__queue_base *)(const void *)q)->kind;
}

static weft__local *local(weft_queue *q)
{
    return (weft__local *)(void *)q;
}

weft_err weft_put(weft_queue *q, const void *data, size_t len, weft_deadline by)
{
    const weft__queue_kind *kind = kind_of(q);
    if (kind)
        return kind->put(q, data, len, by);
    if (len <= local(q)->item_size && weft__local_put_in_lane(local(q), data, len))
        return WEFT_OK;
    return weft__local_put(local(q), data, len, by);
}

weft_err weft_get(weft_queue *q, void *buf, size_t cap, size_t *len, weft_deadline by)
{
    const weft__queue_kind *kind = kind_of(q);
    if (kind)
        return kind->get(q, buf, cap, len, by);
    if (weft__local_get_in_lane(local(q), buf, cap, len))
        return WEFT_OK;
    return weft__local_get(local(q), buf, cap, len, by);
}

static weft_err not_in_place(const weft_queue *q, const char *verb)
{
    return weft__fail(WEFT_INVALID,
                      "%s: queue %s: processes share it, and its items cannot be reached in place: "
                      "use weft_put and weft_get",
                      verb, ((const weft__queue_base *)(const void *)q)->name);
}

weft_err weft_claim(weft_queue *q, void **slot, weft_deadline by)
{
    return kind_of(q) ? not_in_place(q, "claim") : weft__local_claim(local(q), slot, by);
}

weft_err weft_commit(weft_queue *q, void *slot, size_t len)
{
    return kind_of(q) ? not_in_place(q, "commit") : weft__local_commit(local(q), slot, len);
}

weft_err weft_take(weft_queue *q, void **slot, size_t *len, weft_deadline by)
{
    return kind_of(q) ? not_in_place(q, "take") : weft__local_take(local(q), slot, len, by);
}

weft_err weft_done(weft_queue *q, void *slot)
{
    return kind_of(q) ? not_in_place(q, "done") : weft__local_done(local(q), slot);
}

static weft_err not_joined(const weft_queue *q, const char *verb)
{
    return weft__fail(
        WEFT_INVALID,
        "%s: queue %s: processes share it, and do not tell one another what they have "
        "done: end it, and get until WEFT_CLOSED",
        verb, ((const weft__queue_base *)(const void *)q)->name);
}

weft_err weft_queue_task_done_at(weft_queue *q, const char *where)
{
    if (kind_of(q))
        return not_joined(q, "task_done");
    weft__local_task_done(local(q), where);
    return WEFT_OK;
}

weft_err weft_queue_join(weft_queue *q, weft_deadline by)
{
    return kind_of(q) ? not_joined(q, "join") : weft__local_join(local(q), by);
}

void weft_queue_end(weft_queue *q)
{
    const weft__queue_kind *kind = kind_of(q);
    if (kind)
        kind->end(q);
    else
        weft__local_end(local(q));
}

/* R9 */
static void say_lost(const char *name, uint64_t items)
{
    weft *w = weft_here();
    if (items > 0 && w)
        weft__log_line(&w->log, WEFT_LOG_WARN, "queue %s: closed with %llu items that nobody took",
                       name, (unsigned long long)items);
}

void weft_queue_close_at(weft_queue **at, const char *where)
{
    weft_queue *q = *at;
    if (!q)
        return;
    const weft__queue_kind *kind = kind_of(q);
    if (kind) {
        kind->close(q);
    } else {
        const char *name = local(q)->base.name;
        if (weft__local_joined(local(q)))
            weft__misuse(where, "queue %s: closed while somebody joins it", name);
        say_lost(name, weft__local_close(local(q), where));
    }
    *at = NULL;
}

/* So that whatever fits an item is aligned in its slot, as malloc would. */
static size_t stride_of(size_t item_size)
{
    size_t align = 1;
    while (align < 16 && align < item_size)
        align *= 2;
    return (item_size + align - 1) / align * align;
}

static weft_err check(const char *name, size_t item_size, size_t capacity)
{
    if (!name || !*name)
        return weft__fail(WEFT_INVALID, "queue: a queue needs a name");
    if (item_size == 0)
        return weft__fail(WEFT_INVALID, "queue %s: items of 0 bytes: an item has at least 1", name);
    if (item_size > WEFT__ITEM_MAX)
        return weft__fail(WEFT_INVALID,
                          "queue %s: items of %zu bytes: an item has at most %d; put its address "
                          "instead",
                          name, item_size, WEFT__ITEM_MAX);
    if (capacity == 0)
        return weft__fail(WEFT_INVALID, "queue %s: a capacity of 0: it is at least 1", name);
    return WEFT_OK;
}

weft_err weft_queue_init(weft_queue **out, const char *name, size_t item_size, size_t capacity)
{
    enum { LINE = 64 };
    weft_err e = check(name, item_size, capacity);
    if (e != WEFT_OK)
        return e;
    size_t stride = stride_of(item_size), slots, lengths, all;
    if (__builtin_mul_overflow(stride, capacity, &slots) ||
        __builtin_mul_overflow(sizeof(uint32_t), capacity, &lengths) ||
        __builtin_add_overflow(slots, lengths, &all) ||
        __builtin_add_overflow(all, sizeof(weft__local) + 3 * LINE, &all))
        return weft__fail(WEFT_INVALID,
                          "queue %s: %zu items of %zu bytes: more than there are addresses", name,
                          capacity, item_size);
    slots = (slots + LINE - 1) / LINE * LINE;
    weft__local *q = aligned_alloc(LINE, all / LINE * LINE);
    if (!q)
        return weft__fail(WEFT_NOMEM, "queue %s: no memory for %zu items of %zu bytes", name,
                          capacity, item_size);
    *q = (weft__local){.base.name = name,
                       .item_size = item_size,
                       .stride = stride,
                       .capacity = capacity,
                       .slots = (char *)(q + 1),
                       .lengths = (uint32_t *)(void *)((char *)(q + 1) + slots),
                       .barrier = weft__barrier_prepare()};
    weft__sync_init(&q->head, name);
    weft__sync_init(&q->joins, name);
    memset(q->lengths, 0, lengths);
    *out = (weft_queue *)(void *)q;
    return WEFT_OK;
}
