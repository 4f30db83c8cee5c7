/* link/frame.h: what mail puts before the bytes of each frame. A letter travels as one frame or more:
 * the first has the letter's head behind this one. */
#ifndef WEFT_LINK_FRAME_H
#define WEFT_LINK_FRAME_H

#include <stdint.h>

enum {
    WEFT__FRAME_FIRST = 1, /* a letter begins: its head follows */
    WEFT__FRAME_LAST = 2,  /* the letter is complete with this frame */
    WEFT__FRAME_CUT = 4    /* the letter that was begun will not be completed: forget it */
};

typedef struct weft__frame_head {
    uint32_t sequence; /* of the frames from one rank to another, from 0: no gap, no repetition */
    uint32_t flags;
} weft__frame_head;

#endif
