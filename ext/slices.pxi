# Slices: stretches of bytes that somebody else owns, and the str made of them.

ctypedef struct Slice:
    # Borrowed: valid while the message or the chunk that it points into is alive.
    const char *p
    Py_ssize_t n


cdef inline bint is_space(char c) noexcept nogil:
    return c == b" " or c == b"\t"


cdef inline Slice trimmed(const char *p, const char *end, bint carriage_returns) noexcept nogil:
    """The bytes from `p` to `end` without the spaces, tabs (and CRs) at both ends."""
    cdef Slice s
    while p < end and (is_space(p[0]) or (carriage_returns and p[0] == b"\r")):
        p += 1
    while end > p and (is_space((end - 1)[0]) or (carriage_returns and (end - 1)[0] == b"\r")):
        end -= 1
    s.p = p
    s.n = end - p
    return s


cdef inline bint same(Slice s, const char *p, Py_ssize_t n) noexcept nogil:
    return s.n == n and ami_same(s.p, p, n)


cdef inline char lowered(char c) noexcept nogil:
    return c + 32 if b"A" <= c <= b"Z" else c


cdef bint same_letters(Slice s, Slice other) noexcept nogil:
    """Whether both are the same when the case of ASCII letters is ignored."""
    cdef Py_ssize_t i
    if s.n != other.n:
        return False
    for i in range(s.n):
        if lowered(s.p[i]) != lowered(other.p[i]):
            return False
    return True


cdef inline Slice of_bytes(bytes value):
    """The slice of a bytes object, which must outlive it."""
    cdef Slice s
    s.p = PyBytes_AS_STRING(value)
    s.n = PyBytes_GET_SIZE(value)
    return s


cdef inline object text(Slice s):
    """The str of a slice; what is not UTF-8 becomes surrogate escapes."""
    return _decode(s.p, s.n, b"surrogateescape")


cdef inline object ascii_text(Slice s):
    """The str of bytes known to be ASCII."""
    if s.n < 2:
        return text(s)      # CPython shares the empty str and those of one character
    made = PyUnicode_New(s.n, 127)
    memcpy(PyUnicode_DATA(<PyObject *>made), s.p, s.n)
    return made


cdef inline object in_one_piece(data):
    """`data`, or its bytes if a memoryview leaves gaps between them."""
    return bytes(data) if isinstance(data, memoryview) and not data.c_contiguous else data
