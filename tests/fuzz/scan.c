/* Every function of ext/scan.h against a reference that goes byte by byte.
 *
 * Built with -fsanitize=fuzzer it is a libFuzzer target. Built with any other C99 compiler it is a
 * program: it replays the files named as arguments, cut at each byte, or if there are none every
 * short text of the bytes that matter, laid across a block's end. A difference aborts.
 *
 * Each text is copied to a malloc block that ends where the text ends, at an alignment that the
 * input chooses, so that AddressSanitizer and valgrind see every byte read outside it. The blocks
 * are owned by who copies; all else borrows.
 *
 * An input is three bytes, the alignment, the room for results and a byte to look for, then text.
 */
#include <stdio.h>
#include <stdlib.h>

#include "scan.h"

#define CONTROL 3
#define LONGEST 4096
#define START "Event:"

static void fail(const char *what, size_t at)
{
    fprintf(stderr, "%s: %s is not as the reference has it, at %lu\n", AMI_SCAN, what,
            (unsigned long)at);
    abort();
}

static void need(int holds, const char *what, size_t at)
{
    if (!holds)
        fail(what, at);
}

/* A block of just `room` entries or bytes. */
static void *block_of(size_t room, size_t size)
{
    void *made = calloc(room, size);
    if (made == NULL && room != 0) {
        fprintf(stderr, "no memory for %lu bytes\n", (unsigned long)(room * size));
        exit(2);
    }
    return made;
}

/* A copy of the n bytes, `shift` bytes into a block that ends with it; freed by released(). */
static uint8_t *copied(const void *bytes, size_t n, size_t shift)
{
    uint8_t *block = block_of(shift + n, 1);
    if (n != 0)
        memcpy(block + shift, bytes, n);
    return block + shift;
}

static void released(uint8_t *copy, size_t shift) { free(copy - shift); }

/* --- the references: what scan.h says of each function, done the obvious way --- */

static size_t plain_event_end(const uint8_t *p, size_t n, size_t *name_end)
{
    size_t i, before = 0;
    *name_end = 0;
    for (i = 0; i < n; i++) {
        if (p[i] != '\n')
            continue;
        if (*name_end == 0) {
            if (i < 7 || p[i - 1] != '\r')
                return AMI_NOT_PLAIN;
            *name_end = i - 1;
        } else if (p[before - 1] == '\r' &&
                   (i == before + 1 || (i == before + 2 && p[i - 1] == '\r'))) {
            return i + 1;
        }
        before = i;
    }
    return AMI_NOT_WHOLE;
}

static size_t plain_split_lines(const uint8_t *p, size_t n, ami_line *lines)
{
    size_t i, count = 0;
    int begun = 0;
    for (i = 0; i < n; i++) {
        if (!begun) {
            lines[count].start = (uint32_t)i;
            lines[count].colon = AMI_NO_COLON;
            begun = 1;
        }
        if (p[i] == ':' && lines[count].colon == AMI_NO_COLON)
            lines[count].colon = (uint32_t)i;
        if (p[i] == '\n') {
            count++;
            begun = 0;
        }
    }
    return count + (size_t)begun;
}

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static const char *plain_value(const char *buffer, const ami_line *line, size_t *size)
{
    size_t from = (size_t)line->colon + 1, to = line[1].start;
    if (to > from && buffer[to - 1] == '\n')
        to--;
    while (from < to && is_blank(buffer[from]))
        from++;
    while (from < to && is_blank(buffer[to - 1]))
        to--;
    *size = to - from;
    return buffer + from;
}

/* Both halves of a product, added up bit by bit, exclusive-or'ed. */
static uint64_t plain_fold(uint64_t a, uint64_t b)
{
    uint64_t low = 0, high = 0;
    int bit;
    for (bit = 0; bit < 64; bit++)
        if (b >> bit & 1) {
            uint64_t before = low;
            low += a << bit;
            high += (bit ? a >> (64 - bit) : 0) + (low < before);
        }
    return low ^ high;
}

static uint32_t plain_hash(const uint8_t *p, size_t n)
{
    uint64_t hash = ami_keys[0] ^ n, word;
    uint32_t half[2];
    size_t at = 0;
    for (; n - at > 8; at += 8) {
        memcpy(&word, p + at, 8);
        hash = plain_fold(hash ^ word, ami_keys[1]);
    }
    word = 0;
    if (n >= 8) {
        memcpy(&word, p + n - 8, 8);
    } else if (n >= 4) {
        memcpy(&half[0], p, 4);
        memcpy(&half[1], p + n - 4, 4);
        word = half[0] * (UINT64_C(1) << 32) + half[1];
    } else if (n > 0) {
        word = p[0] * UINT64_C(65536) + p[n / 2] * UINT64_C(256) + p[n - 1];
    }
    hash = plain_fold(hash ^ word, ami_keys[1]);
    return (uint32_t)(hash >> 32) ^ (uint32_t)hash;
}

/* --- the checks, one a function --- */

static void check_blocks(const uint8_t *p, size_t n, uint8_t wanted)
{
    uint8_t spare[64];
    size_t at, i;
    for (at = 0; at < n; at += 1 + n / 32) {
        const uint8_t *block = ami_block(p, n, at, spare);
        uint64_t mask = ami_block_mask(block, wanted);
        unsigned lowest = 64;
        for (i = 64; i-- > 0;) {
            uint8_t byte = at + i < n ? p[at + i] : 0;
            need((mask >> i & 1) == (byte == wanted), "ami_block_mask", at + i);
            if (byte == wanted)
                lowest = (unsigned)i;
        }
        if (mask != 0)
            need(ami_lowest_bit(mask) == lowest, "ami_lowest_bit", at);
    }
}

static void check_event_end(const uint8_t *p, size_t n)
{
    size_t name_end = 1, plain_name_end = 1;
    size_t end = ami_event_end(p, n, &name_end);
    need(end == plain_event_end(p, n, &plain_name_end), "ami_event_end", end);
    /* Of what is not plain no name is told. */
    need(end == AMI_NOT_PLAIN || name_end == plain_name_end, "ami_event_end's name", name_end);
}

/* The lines, freed by the caller: `*count` of them and one that starts at the end. */
static ami_line *check_split_lines(const uint8_t *p, size_t n, uint8_t choice, size_t *count)
{
    ami_line *plain = block_of(n + 1, sizeof *plain), *lines;
    size_t i, room;
    *count = plain_split_lines(p, n, plain);
    room = choice % (*count + 2);
    lines = block_of(room, sizeof *lines);
    need(ami_split_lines(p, n, lines, room) == *count, "ami_split_lines", *count);
    for (i = 0; i < *count && i < room; i++) {
        need(lines[i].start == plain[i].start, "ami_split_lines' start", i);
        need(lines[i].colon == plain[i].colon, "ami_split_lines' colon", i);
    }
    free(lines);
    plain[*count].start = (uint32_t)n;
    plain[*count].colon = AMI_NO_COLON;
    return plain;
}

static void check_values(const uint8_t *p, const ami_line *lines, size_t count)
{
    size_t i, size, plain_size;
    for (i = 0; i < count; i++) {
        if (lines[i].colon == AMI_NO_COLON)
            continue;
        const char *value = ami_value((const char *)p, &lines[i], &size);
        need(value == plain_value((const char *)p, &lines[i], &plain_size), "ami_value", i);
        need(size == plain_size, "ami_value's size", i);
    }
}

static void check_find_feeds(const uint8_t *p, size_t n, uint8_t choice)
{
    size_t i, count = 0, seen = 0, room;
    for (i = 0; i < n; i++)
        count += p[i] == '\n';
    room = choice % (count + 2);
    uint32_t *found = block_of(room, sizeof *found);
    need(ami_find_feeds(p, n, found, room) == count, "ami_find_feeds", count);
    for (i = 0; i < n && seen < room; i++)
        if (p[i] == '\n')
            need(found[seen++] == i, "ami_find_feeds' place", i);
    free(found);
}

static void check_same(const uint8_t *p, size_t n, size_t shift)
{
    /* Against a copy, the copy with one byte changed, and one half against the other. */
    uint8_t *other = copied(p, n, 63 - shift);
    size_t i, half = n / 2;
    int same = 1;
    need(ami_same((const char *)p, (const char *)other, n), "ami_same of a copy", n);
    for (i = 0; i < n; i += 1 + n / 32) {
        other[i] ^= 0x20;
        need(!ami_same((const char *)p, (const char *)other, n), "ami_same of a change", i);
        other[i] ^= 0x20;
    }
    released(other, 63 - shift);
    for (i = 0; i < half; i++)
        same = same && p[i] == p[n - half + i];
    need(ami_same((const char *)p, (const char *)p + n - half, half) == same, "ami_same", half);
}

static void check_is_ascii(const uint8_t *p, size_t n)
{
    size_t i;
    int ascii = 1;
    for (i = 0; i < n; i++)
        ascii = ascii && p[i] < 128;
    need(ami_is_ascii((const char *)p, n) == ascii, "ami_is_ascii", n);
}

/* The functions that take any text. */
static void check_text(const uint8_t *p, size_t n, const uint8_t *control)
{
    size_t count;
    ami_line *lines = check_split_lines(p, n, control[1], &count);
    check_values(p, lines, count);
    free(lines);
    check_find_feeds(p, n, control[1]);
    check_blocks(p, n, '\n');
    check_blocks(p, n, control[2]);
    check_same(p, n, control[0] % 64);
    check_is_ascii(p, n);
    need(ami_hash((const char *)p, n) == plain_hash(p, n), "ami_hash", n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t start = sizeof START - 1;
    uint8_t *copy, whole[sizeof START - 1 + LONGEST];
    size_t n, shift;
    if (size < CONTROL || size > LONGEST)
        return 0;
    n = size - CONTROL;
    shift = data[0] % 64;
    ami_keys[0] = UINT64_C(0xFFFFFFFFFFFFFFFF) << shift;
    ami_keys[1] = ~(uint64_t)data[1] | 1;

    copy = copied(data + CONTROL, n, shift);
    check_text(copy, n, data);
    released(copy, shift);

    /* An event's end is asked for only where an event starts. */
    memcpy(whole, START, start);
    memcpy(whole + start, data + CONTROL, n);
    copy = copied(whole, start + n, shift);
    check_event_end(copy, start + n);
    released(copy, shift);
    return 0;
}

#ifndef AMISTREAM_FUZZER

static void check_atomics(void)
{
    char first, second;
    void *slot = NULL;
    long busy = 0;
    need(ami_published(&slot) == NULL, "ami_published", 0);
    need(ami_publish(&slot, &first), "ami_publish to an empty slot", 0);
    need(!ami_publish(&slot, &second), "ami_publish to a full slot", 0);
    need(ami_published(&slot) == &first, "ami_published", 1);
    need(ami_enter(&busy), "ami_enter", 0);
    need(!ami_enter(&busy), "ami_enter twice", 0);
    ami_leave(&busy);
    need(ami_enter(&busy), "ami_enter again", 0);
}

/* Every text of five of the bytes that matter, ending 0 to 5 bytes past a block: in an event, and
 * alone; how many there were.
 */
static unsigned long every_text(void)
{
    static const char bytes[] = "\r\n: \tx\xff", line[] = ": y\r\n";
    const unsigned long radix = sizeof bytes - 1, total = radix * radix * radix * radix * radix;
    const size_t most = 5, first = CONTROL + 64 - (sizeof START - 1) - most;
    uint8_t input[CONTROL + 128], *last;
    unsigned long text, left;
    size_t i, past;
    for (text = 0; text < total; text++) {
        for (past = 0; past <= most; past++) {
            memset(input, 'x', sizeof input);
            memcpy(input + CONTROL, line, sizeof line - 1);
            last = input + first + past;
            for (i = 0, left = text; i < most; i++, left /= radix)
                last[i] = (uint8_t)bytes[left % radix];
            input[0] = (uint8_t)text;
            input[1] = (uint8_t)(text / 64 + past);
            input[2] = last[0];
            LLVMFuzzerTestOneInput(input, first + past + most);
            memcpy(last - CONTROL, input, CONTROL);
            LLVMFuzzerTestOneInput(last - CONTROL, CONTROL + most);
        }
    }
    return total * (most + 1) * 2;
}

/* Run the file and, as an overread depends on the length alone, whatever it starts with. */
static void replay(const char *path)
{
    uint8_t input[LONGEST];
    size_t size;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    size = fread(input, 1, sizeof input, file);
    fclose(file);
    for (; size >= CONTROL; size--)
        LLVMFuzzerTestOneInput(input, size);
}

int main(int count, char **paths)
{
    int i;
    const uint16_t one = 1;
    unsigned long tried = (unsigned long)count - 1;
    check_atomics();
    for (i = 1; i < count; i++)
        replay(paths[i]);
    if (count == 1)
        tried = every_text();
    printf("%s, %u bits, %s-endian: %lu inputs\n", AMI_SCAN, (unsigned)sizeof(void *) * 8,
           *(const uint8_t *)&one ? "little" : "big", tried);
    return 0;
}

#endif
