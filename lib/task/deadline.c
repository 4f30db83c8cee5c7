#include "port/clock.h"

#include "weft/time.h"

int64_t weft_clock(void)
{
    return weft__clock_ns();
}

weft_deadline weft_in_ns(int64_t ns)
{
    int64_t now = weft__clock_ns(), at;
    if (__builtin_add_overflow(now, ns, &at))
        at = ns > 0 ? INT64_MAX : INT64_MIN;
    return (weft_deadline){at};
}

static weft_deadline scaled(int64_t n, int64_t unit)
{
    int64_t ns;
    if (__builtin_mul_overflow(n, unit, &ns))
        return n > 0 ? WEFT_FOREVER : WEFT_NOW;
    return weft_in_ns(ns);
}

weft_deadline weft_in_us(int64_t us)
{
    return scaled(us, 1000);
}

weft_deadline weft_in_ms(int64_t ms)
{
    return scaled(ms, 1000000);
}

weft_deadline weft_in_s(int64_t s)
{
    return scaled(s, 1000000000);
}
