#include "port/number.h"

bool weft__number_read(const char *text, int64_t min, int64_t max, int64_t *out)
{
    bool minus = text[0] == '-';
    int64_t n = 0;
    if (minus)
        text++;
    if (*text == 0)
        return false;
    /* Counted downwards, because there is one more number below zero than above. */
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, *text - '0', &n))
            return false;
    }
    if (!minus && __builtin_sub_overflow(0, n, &n))
        return false;
    if (n < min || n > max)
        return false;
    *out = n;
    return true;
}
