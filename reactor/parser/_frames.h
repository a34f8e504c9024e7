/* The two loops over every byte of a WebSocket frame: the mask, and UTF-8.
 *
 * Knows: bytes. Must never know: a frame, a message, a Python object.
 *
 * Both take eight bytes a step in the ordinary case. The loop of the mask is plain on purpose: a
 * compiler makes vector instructions of it, on every machine that has some.
 */
#ifndef REACTOR_FRAMES_H
#define REACTOR_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FRAMES_HIGH_BITS UINT64_C(0x8080808080808080)

/* RFC 6455 5.3: `size` bytes with the mask `key` (its four bytes as they were sent, one after the
 * other in memory), from `from` to `to`, which do not overlap. What it returns has a bit of
 * FRAMES_HIGH_BITS if a byte of `to` is none of ASCII. */
static inline uint64_t
frames_mask(uint8_t *restrict to, const uint8_t *restrict from, size_t size, uint32_t key)
{
    const uint64_t twice = (uint64_t)key << 32 | key;
    const size_t words = size / 8;
    uint64_t seen = 0, word;
    uint8_t bytes[8];
    for (size_t i = 0; i < words; i++) {
        memcpy(&word, from + 8 * i, 8);
        word ^= twice;
        memcpy(to + 8 * i, &word, 8);
        seen |= word;
    }
    memcpy(bytes, &twice, 8);
    for (size_t i = 8 * words; i < size; i++) {
        to[i] = from[i] ^ bytes[i & 7];
        seen |= to[i];
    }
    return seen;
}

/* The key for what follows `size` masked bytes. */
static inline uint32_t
frames_turned(uint32_t key, size_t size)
{
    uint8_t before[4], after[4];
    memcpy(before, &key, 4);
    for (size_t i = 0; i < 4; i++)
        after[i] = before[(i + size) & 3];
    memcpy(&key, after, 4);
    return key;
}

/* UTF-8 in pieces (RFC 3629 4). `state` is 0 at the beginning, and where a character has ended:
 * so a whole text is valid if this never returned 0, and left it 0. It holds how many bytes of a
 * character are missing, and between which the next has to be: overlong forms, surrogates and what
 * is above U+10FFFF are refused at their second byte. */
static inline int
frames_utf8(uint32_t *state, const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;
    uint32_t missing = *state & 0xff, low = *state >> 8 & 0xff, high = *state >> 16 & 0xff;
    while (at < end) {
        uint8_t byte = *at;
        if (missing) {
            if (byte < low || byte > high)
                return 0;
            missing--;
            low = 0x80;
            high = 0xbf;
            at++;
            continue;
        }
        if (byte < 0x80) {
            uint64_t word;
            at++;
            while (end - at >= 8) {
                memcpy(&word, at, 8);
                if (word & FRAMES_HIGH_BITS)
                    break;
                at += 8;
            }
            continue;
        }
        low = 0x80;
        high = 0xbf;
        if (byte >= 0xc2 && byte <= 0xdf)
            missing = 1;
        else if (byte >= 0xe0 && byte <= 0xef) {
            missing = 2;
            if (byte == 0xe0)
                low = 0xa0;
            else if (byte == 0xed)
                high = 0x9f;
        } else if (byte >= 0xf0 && byte <= 0xf4) {
            missing = 3;
            if (byte == 0xf0)
                low = 0x90;
            else if (byte == 0xf4)
                high = 0x8f;
        } else
            return 0;
        at++;
    }
    *state = missing ? missing | low << 8 | high << 16 : 0;
    return 1;
}

#endif
