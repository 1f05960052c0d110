# The lines of one message: which are headers, which are data, and how a header is found by name.
#
# amistream/_pure/lines.py says what counts as what on the wire. The functions take the message's
# bytes as `frame`, which they borrow, and its lines, every offset of which lies inside the frame.

cdef enum:
    NAME_SLOTS = 4096
    NAME_PROBES = 4

ctypedef struct Lines:
    uint32_t count          # of the lines
    uint32_t output         # the first line of an old-style answer's output, else the same as count
    ami_line line[1]        # count of them and one more, which starts at the frame's end


cdef inline size_t lines_size(size_t count) noexcept nogil:
    """The bytes of a Lines with so many lines and the entry after the last."""
    return sizeof(Lines) + count * sizeof(ami_line)


cdef size_t split_lines(
    const char *frame, uint32_t size, bint is_response, Lines *lines, size_t room
) noexcept nogil:
    """Fill `lines`, which has room for `room` lines and the end. Return the number of lines.

    If there are more than `room`, `lines` is not filled.
    """
    cdef size_t count = ami_split_lines(<const uint8_t *>frame, size, lines.line, room)
    if count > room:
        return count
    lines.line[count].start = size
    lines.line[count].colon = AMI_NO_COLON
    lines.count = lines.output = <uint32_t>count
    if is_response:
        lines.output = output_start(frame, lines)
    if count and lines.output == count and not line_text(frame, lines, lines.count - 1).n:
        # The blank line that ends the message; its entry stays, as the one after the last.
        lines.count -= 1
        lines.output -= 1
    return count


cdef inline const char *line_end(const char *frame, Lines *lines, uint32_t i) noexcept nogil:
    """Where line `i` ends, without its LF; the last line may lack one."""
    cdef const char *end = frame + lines.line[i + 1].start
    return end - 1 if end > frame + lines.line[i].start and (end - 1)[0] == b"\n" else end


cdef inline Slice line_name(const char *frame, Lines *lines, uint32_t i) noexcept nogil:
    """The name of header line `i`, without the spaces around it."""
    return trimmed(frame + lines.line[i].start, frame + lines.line[i].colon, False)


cdef inline Slice line_value(const char *frame, Lines *lines, uint32_t i) noexcept nogil:
    """The value of header line `i`, without the spaces around it."""
    cdef Slice s
    s.p = ami_value(frame, &lines.line[i], <size_t *>&s.n)
    return s


cdef uint32_t line_of(const char *frame, Lines *lines, Slice value) noexcept nogil:
    """The number of the line that a value stands in."""
    cdef uint32_t i = lines.count - 1
    while frame + lines.line[i].start > value.p:
        i -= 1
    return i


cdef inline Slice line_text(const char *frame, Lines *lines, uint32_t i) noexcept nogil:
    """Line `i` without its line end."""
    cdef Slice s
    s.p = frame + lines.line[i].start
    s.n = line_end(frame, lines, i) - s.p
    if s.n and s.p[s.n - 1] == b"\r":
        s.n -= 1
    return s


cdef inline bint ends_in_marker(Slice s) noexcept nogil:
    return s.n >= MARKER_LENGTH and ami_same(s.p + s.n - MARKER_LENGTH, MARKER, MARKER_LENGTH)


cdef bint is_follows_header(Slice name) noexcept nogil:
    """Whether an old-style answer may have the header between its first line and its output."""
    cdef int i
    for i in range(FOLLOWS_COUNT):
        if same(name, FOLLOWS_HEADERS[i], strlen(FOLLOWS_HEADERS[i])):
            return True
    return False


cdef uint32_t output_start(const char *frame, Lines *lines) noexcept nogil:
    """The first line of an old-style answer's output, or the number of lines."""
    cdef uint32_t i
    cdef bint follows = False
    cdef Slice name
    for i in range(lines.count):
        if lines.line[i].colon != AMI_NO_COLON:
            name = line_name(frame, lines, i)
            if not follows:
                follows = same(name, b"Response", 8) and same(
                    line_value(frame, lines, i), b"Follows", 7
                )
                continue
            if not ends_in_marker(line_text(frame, lines, i)) and (
                (line_end(frame, lines, i) - 1)[0] == b"\r" or is_follows_header(name)
            ):
                continue
        if follows:
            return i
    return lines.count


cdef list data_lines(const char *frame, Lines *lines, bint is_response):
    """The text of the lines that are not headers, and of a response's Output headers."""
    cdef list found = []
    cdef Slice s
    cdef uint32_t i
    for i in range(lines.output):
        let_signals_through(i)
        if lines.line[i].colon == AMI_NO_COLON:
            s = line_text(frame, lines, i)
            if s.n:
                found.append(text(s))
        elif is_response and same(line_name(frame, lines, i), b"Output", 6):
            s = line_text(frame, lines, i)
            s.n -= frame + lines.line[i].colon + 1 - s.p
            s.p = frame + lines.line[i].colon + 1
            if s.n > 0 and s.p[0] == b" ":
                s.p += 1
                s.n -= 1
            found.append(text(s))
    for i in range(lines.output, lines.count):
        let_signals_through(i)
        s = line_text(frame, lines, i)
        if ends_in_marker(s):
            s.n -= MARKER_LENGTH
            if trimmed(s.p, s.p + s.n, False).n:
                found.append(text(s))
            break
        found.append(text(s))
    return found


cdef bint find_exact(const char *frame, Lines *lines, Slice name, Slice *value) noexcept nogil:
    """The value of the last header sent exactly as `name`; False if there is none."""
    cdef uint32_t i = lines.output
    cdef ami_line *line
    if name.n > LARGEST_MESSAGE:
        return False  # no name on the wire is that long, and the comparison below has 32 bits
    if name.n and (is_space(name.p[0]) or is_space(name.p[name.n - 1])):
        return False  # the spaces around a name on the wire are not part of it
    while i:
        i -= 1
        line = &lines.line[i]
        # A line without a colon has AMI_NO_COLON, which no name's length reaches.
        if line.colon - line.start == <uint32_t>name.n:
            if line.colon != AMI_NO_COLON:
                if ami_same(frame + line.start, name.p, name.n):
                    value[0] = line_value(frame, lines, i)
                    return True
    return False


cdef bint find_loosely(
    const char *frame, Lines *lines, Slice name, bint any_case, Slice *sent_as, Slice *value
) noexcept nogil:
    """The last header called `name`, with spaces around it or not, with `any_case` in any case."""
    cdef uint32_t i = lines.output
    cdef Slice one
    while i:
        i -= 1
        if lines.line[i].colon != AMI_NO_COLON:
            one = line_name(frame, lines, i)
            if same_letters(one, name) if any_case else same(one, name.p, name.n):
                sent_as[0] = one
                value[0] = line_value(frame, lines, i)
                return True
    return False


cdef bint find(
    const char *frame, Lines *lines, tuple names, Slice *sent_as, Slice *value
) except -1:
    """Name and value of the first of `names` that was sent: as spelled, else in any case."""
    for name in names:
        if find_exact(frame, lines, of_bytes(name), value):
            sent_as[0] = of_bytes(name)
            return True
    for name in names:
        if find_loosely(frame, lines, of_bytes(name), False, sent_as, value):
            return True
    for name in names:
        if find_loosely(frame, lines, of_bytes(name), True, sent_as, value):
            return True
    return False


cdef inline bytes encoded_name(name):
    """The bytes of a header's name; TypeError if it is not a str."""
    if not isinstance(name, str):
        raise TypeError(f"a header's name is a str, not {type(name).__name__}")
    try:
        return (<str>name).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"\n"  # no header can have this name, as none can have the name given


# The cache of header names as str, in groups of NAME_PROBES. A name is cached when it is seen
# again, in place of another: no stream can fill the cache for good. Most names stand in the slot of
# their hash, so that the first probe finds them.
cdef PyObject *name_slots[NAME_SLOTS]       # owned, ASCII, interned
cdef uint32_t name_hashes[NAME_SLOTS]       # of the name in the slot
cdef uint32_t last_names[NAME_SLOTS]        # by the upper bits of a hash: the last such name's hash
cdef uint32_t names_cached = 0              # of which the slot was taken


cdef object name_text(Slice s):
    """The str of a header's name; the same object each time while it is in the cache."""
    return text(s) if s.n > LONGEST_CACHED_NAME else hashed_name(s, ami_hash(s.p, s.n))


cdef object hashed_name(Slice s, uint32_t hash):
    """The same for a name that is not too long to be cached, and its hash."""
    cdef uint32_t at
    cdef uint32_t probe
    cdef PyObject *known
    at = hash & (NAME_SLOTS - 1)
    for probe in range(NAME_PROBES):
        known = name_slots[at ^ probe]
        if name_hashes[at ^ probe] == hash and known is not NULL:
            if PyUnicode_GET_LENGTH(known) == s.n and ami_same(PyUnicode_DATA(known), s.p, s.n):
                return <object>known
    at = hash >> 20
    if last_names[at] != hash:
        last_names[at] = hash
        return text(s)
    return cached_name(s, hash)


cdef object cached_name(Slice s, uint32_t hash):
    """Cache the name. Of those that may stand there, another one is replaced each time."""
    global names_cached
    cdef PyObject *made = PyUnicode_DecodeUTF8(s.p, s.n, b"surrogateescape")
    cdef PyObject *before
    cdef uint32_t at
    if PyUnicode_IS_ASCII(made):
        PyUnicode_InternInPlace(&made)
        at = hash & (NAME_SLOTS - 1)
        if name_slots[at] is not NULL:
            names_cached += 1
            at ^= names_cached % NAME_PROBES
        before = name_slots[at]
        Py_INCREF(<object>made)
        name_slots[at] = made
        name_hashes[at] = hash
        if before is not NULL:
            Py_DECREF(before)
    name = <object>made
    Py_DECREF(made)
    return name
