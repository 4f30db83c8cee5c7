#include "work/sha1.h"

#include <string.h>

static uint32_t rotate(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

static uint32_t load_big(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return __builtin_bswap32(x);
}

static void store_big(uint8_t *p, uint32_t x)
{
    x = __builtin_bswap32(x);
    memcpy(p, &x, sizeof x);
}

/* The word that round `i` takes in; w is a ring of the last sixteen. */
static uint32_t schedule(uint32_t w[16], int i)
{
    if (i >= 16)
        w[i & 15] = rotate(w[(i - 3) & 15] ^ w[(i - 8) & 15] ^ w[(i - 14) & 15] ^ w[i & 15], 1);
    return w[i & 15];
}

static uint32_t mix(int i, uint32_t b, uint32_t c, uint32_t d)
{
    if (i < 20)
        return (d ^ (b & (c ^ d))) + 0x5A827999u;
    if (i < 40)
        return (b ^ c ^ d) + 0x6ED9EBA1u;
    if (i < 60)
        return ((b & c) | (d & (b | c))) + 0x8F1BBCDCu;
    return (b ^ c ^ d) + 0xCA62C1D6u;
}

static void block(uint32_t h[5], uint32_t w[16])
{
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        uint32_t t = rotate(a, 5) + mix(i, b, c, d) + e + schedule(w, i);
        e = d, d = c, c = rotate(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

void sha1_short(uint8_t digest[SHA1_BYTES], const uint8_t *message, size_t len)
{
    uint32_t h[5] = {0x67452301u, 0xEFCDAB89u, 0x98BADCFEu, 0x10325476u, 0xC3D2E1F0u}, w[16];
    uint8_t padded[64] = {0};
    memcpy(padded, message, len);
    padded[len] = 0x80;
    for (int i = 0; i < 15; i++)
        w[i] = load_big(padded + 4 * i);
    w[15] = (uint32_t)(8 * len);
    block(h, w);
    for (int i = 0; i < 5; i++)
        store_big(digest + 4 * i, h[i]);
}
