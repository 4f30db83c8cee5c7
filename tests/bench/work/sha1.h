/* work/sha1.h: SHA-1 (FIPS 180-4) of a message that fits in one block. */
#ifndef BENCH_SHA1_H
#define BENCH_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_BYTES = 20, SHA1_LONGEST = 55 };

/* Store the digest of `len` bytes, at most SHA1_LONGEST. */
void sha1_short(uint8_t digest[SHA1_BYTES], const uint8_t *message, size_t len);

#endif
