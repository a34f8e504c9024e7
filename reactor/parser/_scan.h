/* Byte classes, and the three scans that everything else rests on.
 *
 * Knows: which bytes RFC 9110 and RFC 9112 allow where, and how to skip a run of
 * them. Must never know: a message, a state, a Python object.
 *
 * Names average ten bytes, so they go through the table; values and targets are long
 * and go sixteen bytes a step (SSE2 is part of every x86-64, so there is nothing to
 * dispatch), eight elsewhere. No scan reads a byte at or past `end`.
 */
#ifndef REACTOR_SCAN_H
#define REACTOR_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    SCAN_TOKEN = 1,   /* RFC 9110 5.6.2: tchar */
    SCAN_VALUE = 2,   /* RFC 9110 5.5: HTAB, SP, VCHAR, obs-text */
    SCAN_TARGET = 4,  /* printable ASCII without SP and "#" (RFC 9112 3.2: no fragment) */
    SCAN_REGNAME = 8, /* RFC 3986 3.2.2: reg-name without "%"; "," refused: a list is no host */
    SCAN_HEX = 16,
    SCAN_QUOTED = 32  /* RFC 9110 5.6.4: qdtext, all but DQUOTE and "\" */
};

#define SCAN_TEXT (SCAN_VALUE | SCAN_QUOTED)
#define SCAN_PRINT (SCAN_TEXT | SCAN_TARGET)
#define SCAN_NAME (SCAN_PRINT | SCAN_TOKEN)
#define SCAN_HOST (SCAN_PRINT | SCAN_REGNAME)
#define SCAN_BOTH (SCAN_NAME | SCAN_REGNAME)

/* Every byte that is not listed is in no class: controls, and DEL. */
static const uint8_t scan_class[256] = {
    ['\t'] = SCAN_TEXT,
    [' '] = SCAN_TEXT,
    ['!'] = SCAN_BOTH,
    ['"'] = SCAN_VALUE | SCAN_TARGET,
    ['#'] = SCAN_TEXT | SCAN_TOKEN,
    ['$'] = SCAN_BOTH,
    ['%'] = SCAN_NAME,
    ['&'] = SCAN_BOTH,
    ['\''] = SCAN_BOTH,
    ['('] = SCAN_HOST,
    [')'] = SCAN_HOST,
    ['*'] = SCAN_BOTH,
    ['+'] = SCAN_BOTH,
    [','] = SCAN_PRINT,
    ['-'] = SCAN_BOTH,
    ['.'] = SCAN_BOTH,
    ['/'] = SCAN_PRINT,
    ['0' ... '9'] = SCAN_BOTH | SCAN_HEX,
    [':'] = SCAN_PRINT,
    [';'] = SCAN_HOST,
    ['<'] = SCAN_PRINT,
    ['='] = SCAN_HOST,
    ['>' ... '@'] = SCAN_PRINT,
    ['A' ... 'F'] = SCAN_BOTH | SCAN_HEX,
    ['G' ... 'Z'] = SCAN_BOTH,
    ['['] = SCAN_PRINT,
    ['\\'] = SCAN_VALUE | SCAN_TARGET,
    [']'] = SCAN_PRINT,
    ['^'] = SCAN_NAME,
    ['_'] = SCAN_BOTH,
    ['`'] = SCAN_NAME,
    ['a' ... 'f'] = SCAN_BOTH | SCAN_HEX,
    ['g' ... 'z'] = SCAN_BOTH,
    ['{'] = SCAN_PRINT,
    ['|'] = SCAN_NAME,
    ['}'] = SCAN_PRINT,
    ['~'] = SCAN_BOTH,
    [0x80 ... 0xff] = SCAN_TEXT,
};

static inline int scan_is(uint8_t byte, int classes) { return scan_class[byte] & classes; }

static inline uint64_t scan_load(const void *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The first byte at or after `p` that is not in the class; `end` if there is none. */
static inline const uint8_t *scan_while(const uint8_t *p, const uint8_t *end, int classes) {
    while (p < end && (scan_class[*p] & classes)) p++;
    return p;
}

#ifdef __SSE2__

/* Where a byte of `v` is from `first` to `first + span`, all bits of it; else none. */
static inline __m128i scan_between(__m128i v, char first, char span) {
    __m128i distance = _mm_sub_epi8(v, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(distance, _mm_set1_epi8(span)), distance);
}

/* Where a byte of `v` is a letter, a digit or "-", all bits of it; else none. They make nearly every
 * name; the table judges what else there is. */
static inline __m128i scan_plain(__m128i v) {
    __m128i letter = scan_between(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 25);
    __m128i other = _mm_or_si128(scan_between(v, '0', 9), _mm_cmpeq_epi8(v, _mm_set1_epi8('-')));
    return _mm_or_si128(letter, other);
}

static inline const uint8_t *scan_token_end(const uint8_t *p, const uint8_t *end) {
    while (end - p >= 16) {
        int mask = _mm_movemask_epi8(scan_plain(_mm_loadu_si128((const __m128i *)p))) ^ 0xffff;
        if (!mask) {
            p += 16;
            continue;
        }
        p += __builtin_ctz((unsigned)mask);
        if (!scan_is(*p, SCAN_TOKEN)) return p;
        p++;
    }
    return scan_while(p, end, SCAN_TOKEN);
}

/* Where a byte of `v` is a control other than HTAB, all bits of it; else none. */
static inline __m128i scan_controls(__m128i v) {
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    __m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
    return _mm_or_si128(_mm_andnot_si128(tab, control), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
}

static inline const uint8_t *scan_value_end(const uint8_t *p, const uint8_t *end) {
    for (; end - p >= 16; p += 16) {
        int mask = _mm_movemask_epi8(scan_controls(_mm_loadu_si128((const __m128i *)p)));
        if (mask) return p + __builtin_ctz((unsigned)mask);
    }
    return scan_while(p, end, SCAN_VALUE);
}

static inline const uint8_t *scan_target_end(const uint8_t *p, const uint8_t *end) {
    /* As signed bytes, 0x80..0xff are negative: one comparison refuses them with the controls. */
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i del = _mm_set1_epi8(0x7f), hash = _mm_set1_epi8('#');
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)p);
        __m128i good = _mm_cmpgt_epi8(v, space);
        __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(v, del), _mm_cmpeq_epi8(v, hash));
        int mask = _mm_movemask_epi8(_mm_andnot_si128(bad, good)) ^ 0xffff;
        if (mask) return p + __builtin_ctz((unsigned)mask);
    }
    return scan_while(p, end, SCAN_TARGET);
}

/* The first and the last eight bytes of what is at least eight and at most sixteen long. */
static inline __m128i scan_ends(const uint8_t *p, const uint8_t *end) {
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)p),
                              _mm_loadl_epi64((const __m128i *)(end - 8)));
}

/* Whether there is no other byte up to `end`: what is made here, not received, is whole, so its last
 * bytes are looked at together with some before them, and not one by one. */
static inline int scan_is_token(const uint8_t *p, const uint8_t *end) {
    if (end - p >= 8 && end - p <= 16 && _mm_movemask_epi8(scan_plain(scan_ends(p, end))) == 0xffff)
        return 1;
    return scan_token_end(p, end) == end;
}

static inline int scan_is_value(const uint8_t *p, const uint8_t *end) {
    if (end - p < 8) return scan_while(p, end, SCAN_VALUE) == end;
    if (end - p < 16) return !_mm_movemask_epi8(scan_controls(scan_ends(p, end)));
    __m128i bad = scan_controls(_mm_loadu_si128((const __m128i *)(end - 16)));
    for (; end - p > 16; p += 16)
        bad = _mm_or_si128(bad, scan_controls(_mm_loadu_si128((const __m128i *)p)));
    return !_mm_movemask_epi8(bad);
}

#else /* eight bytes a step; a word that may hold a bad byte is looked at byte by byte */

#define SCAN_ONES UINT64_C(0x0101010101010101)
#define SCAN_HIGHS UINT64_C(0x8080808080808080)

/* Nonzero if a byte of the word is below n (n <= 128): never misses one. */
static inline uint64_t scan_has_below(uint64_t word, uint64_t n) {
    return (word - SCAN_ONES * n) & ~word & SCAN_HIGHS;
}

static inline const uint8_t *scan_words(const uint8_t *p, const uint8_t *end, int classes,
                                        uint64_t lowest, uint64_t refused) {
    for (; end - p >= 8; p += 8) {
        uint64_t word = scan_load(p);
        if (scan_has_below(word, lowest) | scan_has_below(word ^ SCAN_ONES * 0x7f, 1) |
            (word & refused)) {
            const uint8_t *stop = scan_while(p, p + 8, classes);
            if (stop != p + 8) return stop;
        }
    }
    return scan_while(p, end, classes);
}

static inline const uint8_t *scan_token_end(const uint8_t *p, const uint8_t *end) {
    return scan_while(p, end, SCAN_TOKEN);
}

static inline const uint8_t *scan_value_end(const uint8_t *p, const uint8_t *end) {
    return scan_words(p, end, SCAN_VALUE, 0x20, 0);
}

static inline const uint8_t *scan_target_end(const uint8_t *p, const uint8_t *end) {
    /* 0x24: "#" and all below it are looked at closely. */
    return scan_words(p, end, SCAN_TARGET, 0x24, SCAN_HIGHS);
}

static inline int scan_is_token(const uint8_t *p, const uint8_t *end) {
    return scan_token_end(p, end) == end;
}

static inline int scan_is_value(const uint8_t *p, const uint8_t *end) {
    return scan_value_end(p, end) == end;
}

#endif

/* Whether it is all ASCII. From eight bytes on, words that may overlap do. */
static inline int scan_is_ascii(const uint8_t *p, const uint8_t *end) {
    uint64_t bits = 0;
    if (end - p >= 8) {
        for (bits = scan_load(end - 8); end - p > 8; p += 8) bits |= scan_load(p);
        return !(bits & UINT64_C(0x8080808080808080));
    }
    for (; p < end; p++) bits |= *p;
    return bits < 0x80;
}

/* Equal without regard to ASCII case. `lower` is lower case.
 * Setting bit 0x20 folds A-Z; it would also fold controls onto "-", ":", "/" and digits, but
 * none can be in a token, a target or a field value that was scanned. From eight bytes on, two
 * words that may overlap do. */
static inline int scan_same(const uint8_t *p, const char *lower, size_t size) {
    const uint64_t fold = UINT64_C(0x2020202020202020);
    size_t i = 0;
    if (size >= 8) {
        for (; i + 8 < size; i += 8)
            if ((scan_load(p + i) | fold) != scan_load(lower + i)) return 0;
        return (scan_load(p + size - 8) | fold) == scan_load(lower + size - 8);
    }
    for (; i < size; i++)
        if ((p[i] | 0x20) != (uint8_t)lower[i]) return 0;
    return 1;
}

#endif
