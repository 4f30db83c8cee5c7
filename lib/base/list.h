/* base/list.h: doubly linked list through a node in the item. A node that is in no list points to
 * itself once initialised. */
#ifndef WEFT_BASE_LIST_H
#define WEFT_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct weft__list {
    struct weft__list *next, *prev;
} weft__list;

#define weft__of(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define weft__list_each(it, head)                                                                  \
    for (weft__list *it = (head)->next, *it##_next = it->next; it != (head);                       \
         it = it##_next, it##_next = it->next)

static inline void weft__list_init(weft__list *l)
{
    l->next = l->prev = l;
}

static inline bool weft__list_empty(const weft__list *l)
{
    return l->next == l;
}

/* Put `node` at the end of the list `l`. */
static inline void weft__list_push(weft__list *l, weft__list *node)
{
    node->prev = l->prev;
    node->next = l;
    l->prev->next = node;
    l->prev = node;
}

/* Put `node` at the front of the list `l`. */
static inline void weft__list_push_front(weft__list *l, weft__list *node)
{
    weft__list_push(l->next, node);
}

/* Take `node` out of its list; does nothing if it is in none. */
static inline void weft__list_remove(weft__list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = node;
}

/* Take out the first node, or NULL. */
static inline weft__list *weft__list_pop(weft__list *l)
{
    weft__list *n = l->next;
    if (n == l)
        return NULL;
    weft__list_remove(n);
    return n;
}

#endif
