/* Byte scanning of the hot path: where an event ends, where its lines and colons are.
 *
 * Every function borrows its input, `n` readable bytes at `p`, and reads no byte outside it:
 * whole 64-byte blocks are loaded only while 64 bytes are left, the rest goes through a zeroed
 * block on the stack. SSE2 and NEON are baseline on x86-64 and aarch64, so nothing is dispatched
 * at run time; AMISTREAM_PORTABLE selects the plain C path anywhere.
 *
 * The byte order matters to none: byte i of a block is bit i of a mask by arithmetic (NEON is for
 * little-endian), words are compared with words, and hashes, which differ, stay in the process.
 * Places are 32 bits wide: a message has less than 2 GiB, which 32-bit sizes hold as well.
 */
#ifndef AMISTREAM_SCAN_H
#define AMISTREAM_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(AMISTREAM_PORTABLE) && (defined(__SSE2__) || defined(_M_X64))
#include <emmintrin.h>
#define AMI_SCAN "sse2"
#elif !defined(AMISTREAM_PORTABLE) && defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#define AMI_SCAN "neon"
#else
#define AMI_SCAN "portable"
#endif

#if defined(_MSC_VER)
#include <intrin.h>
static inline unsigned ami_lowest_bit(uint64_t mask)
{
    unsigned long at;
    _BitScanForward64(&at, mask);
    return at;
}
#define AMI_LIKELY(x) (x)
#else
static inline unsigned ami_lowest_bit(uint64_t mask) { return (unsigned)__builtin_ctzll(mask); }
#define AMI_LIKELY(x) __builtin_expect(!!(x), 1)
#endif

/* Bit i of the result: whether byte i of the 64 at `p` is `byte`. */
static inline uint64_t ami_block_mask(const uint8_t *p, uint8_t byte)
{
#if !defined(AMISTREAM_PORTABLE) && (defined(__SSE2__) || defined(_M_X64))
    const __m128i wanted = _mm_set1_epi8((char)byte);
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, wanted)) << (16 * i);
    }
    return mask;
#elif !defined(AMISTREAM_PORTABLE) && defined(__aarch64__) && !defined(__AARCH64EB__)
    const uint8x16_t wanted = vdupq_n_u8(byte);
    const uint8x16_t bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t a = vandq_u8(vceqq_u8(vld1q_u8(p), wanted), bits);
    uint8x16_t b = vandq_u8(vceqq_u8(vld1q_u8(p + 16), wanted), bits);
    uint8x16_t c = vandq_u8(vceqq_u8(vld1q_u8(p + 32), wanted), bits);
    uint8x16_t d = vandq_u8(vceqq_u8(vld1q_u8(p + 48), wanted), bits);
    uint8x16_t sum = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sum, sum)), 0);
#else
    uint64_t mask = 0;
    for (int i = 0; i < 64; i++)
        mask |= (uint64_t)(p[i] == byte) << i;
    return mask;
#endif
}

/* The 64-byte block at p + at: in place if it lies inside the n bytes, else copied to `spare`. */
static inline const uint8_t *ami_block(const uint8_t *p, size_t n, size_t at, uint8_t spare[64])
{
    if (AMI_LIKELY(n - at >= 64))
        return p + at;
    memset(spare, 0, 64);
    memcpy(spare, p + at, n - at);
    return spare;
}

#define AMI_NOT_WHOLE 0
#define AMI_NOT_PLAIN ((size_t)-1)

/* Length of the event at `p`, which starts with "Event:" and whose first line ends in CRLF, up to
 * the end of the blank line that follows a CRLF; *name_end is where its first line's CRLF starts.
 * AMI_NOT_WHOLE if the n bytes hold no such end, AMI_NOT_PLAIN if it must be read line by line.
 */
static inline size_t ami_event_end(const uint8_t *p, size_t n, size_t *name_end)
{
    uint8_t spare[64];
    uint64_t carried = 0; /* what the last two bytes of the block before tell of this one */
    size_t at;

    *name_end = 0;
    for (at = 0; at < n; at += 64) {
        uint64_t feeds = ami_block_mask(ami_block(p, n, at, spare), '\n');
        uint64_t ends = feeds & (feeds << 1 | feeds << 2 | carried);
        if (*name_end == 0 && feeds != 0) {
            size_t first = at + ami_lowest_bit(feeds);
            if (first < 7 || p[first - 1] != '\r')
                return AMI_NOT_PLAIN;
            *name_end = first - 1;
        }
        while (ends != 0) {
            /* A LF one or two bytes after another; name_end >= 6, so end - 3 is inside. */
            size_t end = at + ami_lowest_bit(ends);
            if (p[end - 1] == '\n' ? p[end - 2] == '\r' : p[end - 1] == '\r' && p[end - 3] == '\r')
                return end + 1;
            ends &= ends - 1;
        }
        carried = feeds >> 63 | feeds >> 62; /* bits 0 and 1: a LF up to two bytes before each */
    }
    return AMI_NOT_WHOLE;
}

/* A line of a message: where it starts, and its first colon or AMI_NO_COLON. */
typedef struct {
    uint32_t start;
    uint32_t colon;
} ami_line;

#define AMI_NO_COLON UINT32_MAX

/* Writes the lines of the n bytes at `p` into `lines`, which has room for `room`; returns how many
 * there are, writing none past the room. A line that is not ended by a LF counts too.
 */
static inline size_t ami_split_lines(const uint8_t *p, size_t n, ami_line *lines, size_t room)
{
    uint8_t spare[64];
    size_t count = 0, at;
    uint32_t start = 0, colon = AMI_NO_COLON;

    for (at = 0; at < n; at += 64) {
        const uint8_t *block = ami_block(p, n, at, spare);
        uint64_t feeds = ami_block_mask(block, '\n');
        uint64_t colons = ami_block_mask(block, ':');
        for (;;) {
            if (colon == AMI_NO_COLON && colons != 0) {
                unsigned first = ami_lowest_bit(colons);
                if (feeds == 0 || first < ami_lowest_bit(feeds))
                    colon = (uint32_t)(at + first);
            }
            if (feeds == 0)
                break;
            unsigned feed = ami_lowest_bit(feeds);
            if (count < room) {
                lines[count].start = start;
                lines[count].colon = colon;
            }
            count++;
            start = (uint32_t)(at + feed + 1);
            colon = AMI_NO_COLON;
            feeds &= feeds - 1;
            colons &= feed == 63 ? 0 : ~(uint64_t)0 << (feed + 1);
        }
    }
    if (start < n) {
        if (count < room) {
            lines[count].start = start;
            lines[count].colon = colon;
        }
        count++;
    }
    return count;
}

/* Whether the n bytes at `a` and at `b` are the same; inline, as most are shorter than a call. */
static inline int ami_same(const char *a, const char *b, size_t n)
{
    uint64_t x, y, z, w;
    if (n > 16)
        return memcmp(a, b, n) == 0;
    if (n >= 8) {
        memcpy(&x, a, 8), memcpy(&y, b, 8), memcpy(&z, a + n - 8, 8), memcpy(&w, b + n - 8, 8);
        return ((x ^ y) | (z ^ w)) == 0;
    }
    if (n >= 4) {
        uint32_t p, q, r, s;
        memcpy(&p, a, 4), memcpy(&q, b, 4), memcpy(&r, a + n - 4, 4), memcpy(&s, b + n - 4, 4);
        return ((p ^ q) | (r ^ s)) == 0;
    }
    while (n--)
        if (a[n] != b[n])
            return 0;
    return 1;
}

/* Whether none of the n bytes at `p` has its top bit set. */
static inline int ami_is_ascii(const char *p, size_t n)
{
    uint64_t word, any = 0;
    size_t at;
    for (at = 0; at + 8 <= n; at += 8) {
        memcpy(&word, p + at, 8);
        any |= word;
    }
    word = 0;
    memcpy(&word, p + at, n - at);
    return ((any | word) & UINT64_C(0x8080808080808080)) == 0;
}

/* Writes where the LFs of the n bytes at `p` are, at most `room`; returns how many there are. */
static inline size_t ami_find_feeds(const uint8_t *p, size_t n, uint32_t *found, size_t room)
{
    uint8_t spare[64];
    size_t count = 0, at;
    for (at = 0; at < n; at += 64) {
        uint64_t feeds = ami_block_mask(ami_block(p, n, at, spare), '\n');
        for (; feeds != 0; feeds &= feeds - 1, count++)
            if (count < room)
                found[count] = (uint32_t)(at + ami_lowest_bit(feeds));
    }
    return count;
}

/* The value after a line's colon, borrowed from `buffer`, spaces, tabs and CRs around it removed.
 * `line` is followed by an entry that starts where the line ends, so neither end leaves the line.
 */
static inline const char *ami_value(const char *buffer, const ami_line *line, size_t *size)
{
    const char *p = buffer + line->colon + 1, *end = buffer + line[1].start;
    if (end > p && end[-1] == '\n')
        end--;
    if (AMI_LIKELY(end - p >= 3 && p[0] == ' ' && (uint8_t)p[1] > ' ' && end[-1] == '\r' &&
                   (uint8_t)end[-2] > ' ')) {
        *size = (size_t)(end - p) - 2;
        return p + 1;
    }
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    while (p < end && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    *size = (size_t)(end - p);
    return p;
}

/* The two keys of ami_hash, taken from the interpreter's hash secret before the first hash. Nobody
 * who lacks them can choose names that collide.
 */
static uint64_t ami_keys[2];

/* Both halves of the 128-bit product of `a` and `b`, exclusive-or'ed. */
static inline uint64_t ami_fold(uint64_t a, uint64_t b)
{
#if !defined(AMISTREAM_PORTABLE) && defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 ami_uint128; /* ISO C has no such type */
    ami_uint128 product = (ami_uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#elif !defined(AMISTREAM_PORTABLE) && defined(_M_X64)
    uint64_t high, low = _umul128(a, b, &high);
    return low ^ high;
#else
    uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX), high = (a >> 32) * (b >> 32);
    uint64_t one = (a >> 32) * (b & UINT32_MAX), other = (a & UINT32_MAX) * (b >> 32);
    uint64_t middle = (low >> 32) + (one & UINT32_MAX) + (other & UINT32_MAX);
    high += (one >> 32) + (other >> 32) + (middle >> 32);
    return high ^ (middle << 32 | (low & UINT32_MAX));
#endif
}

/* A hash of the n bytes at `p` and of n. Each turn reads the next 8 bytes; the last 1 to 8 bytes
 * are read as words that may overlap what was read before, so that no byte outside is read.
 */
static inline uint32_t ami_hash(const char *p, size_t n)
{
    uint64_t word = 0, hash = ami_keys[0] ^ n;
    size_t at;
    for (at = 0; at + 8 < n; at += 8) {
        memcpy(&word, p + at, 8);
        hash = ami_fold(hash ^ word, ami_keys[1]);
    }
    if (n >= 8) {
        memcpy(&word, p + n - 8, 8);
    } else if (n >= 4) {
        uint32_t head, tail;
        memcpy(&head, p, 4), memcpy(&tail, p + n - 4, 4);
        word = (uint64_t)head << 32 | tail;
    } else if (n > 0) {
        word = (uint64_t)(uint8_t)p[0] << 16 | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint8_t)p[n - 1];
    }
    hash = ami_fold(hash ^ word, ami_keys[1]);
    return (uint32_t)(hash ^ hash >> 32);
}

/* Compare-and-swap of a pointer and of a flag, for events and parsers shared between threads. */
#if defined(_MSC_VER)
static inline int ami_publish(void **slot, void *value)
{
    return _InterlockedCompareExchangePointer(slot, value, NULL) == NULL;
}
static inline void *ami_published(void **slot)
{
    return _InterlockedCompareExchangePointer(slot, NULL, NULL);
}
static inline int ami_enter(long *busy) { return _InterlockedExchange(busy, 1) == 0; }
static inline void ami_leave(long *busy) { _InterlockedExchange(busy, 0); }
#else
static inline int ami_publish(void **slot, void *value)
{
    void *none = NULL;
    return __atomic_compare_exchange_n(slot, &none, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
static inline void *ami_published(void **slot) { return __atomic_load_n(slot, __ATOMIC_ACQUIRE); }
static inline int ami_enter(long *busy)
{
    return __atomic_exchange_n(busy, 1, __ATOMIC_ACQUIRE) == 0;
}
static inline void ami_leave(long *busy) { __atomic_store_n(busy, 0, __ATOMIC_RELEASE); }
#endif

#endif
