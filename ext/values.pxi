# Typed values: how the bytes of a header's value become text, numbers and truth values.
#
# Every reader takes the value without spaces around it, and returns None if it cannot read it.

cdef enum Kind:
    TEXT
    INT
    FLOAT
    BOOL
    DURATION
    HOSTPORT
    MILLISECONDS

cdef dict KINDS = {
    "text": TEXT,
    "int": INT,
    "float": FLOAT,
    "bool": BOOL,
    "duration": DURATION,
    "hostport": HOSTPORT,
    "milliseconds": MILLISECONDS,
}


cdef inline bint is_digit(char c) noexcept nogil:
    return b"0" <= c <= b"9"


cdef Py_ssize_t digits(const char *p, Py_ssize_t n) noexcept nogil:
    """How many of the n bytes at `p` are digits before the first that is none."""
    cdef Py_ssize_t i = 0
    while i < n and is_digit(p[i]):
        i += 1
    return i


cdef int64_t number(const char *p, Py_ssize_t n) noexcept nogil:
    """The value of at most 18 digits."""
    cdef int64_t value = 0
    cdef Py_ssize_t i
    for i in range(n):
        value = value * 10 + (p[i] - c"0")
    return value


cdef object read_int(Slice s):
    """A whole number: an optional sign and digits."""
    cdef char copy[LONGEST_NUMBER + 1]
    cdef Py_ssize_t sign = 1 if s.n and (s.p[0] == b"-" or s.p[0] == b"+") else 0
    cdef int64_t value
    if s.n > LONGEST_NUMBER or s.n == sign or digits(s.p + sign, s.n - sign) != s.n - sign:
        return None
    if s.n <= 18:
        value = number(s.p + sign, s.n - sign)
        return PyLong_FromLongLong(-value if s.p[0] == b"-" else value)
    memcpy(copy, s.p, s.n)
    copy[s.n] = 0
    return PyLong_FromString(copy, NULL, 10)


cdef bint is_float(const char *p, Py_ssize_t n) noexcept nogil:
    """Whether the n bytes at `p` are a decimal number as C prints it."""
    cdef Py_ssize_t whole, fraction = 0, used
    if n and (p[0] == b"-" or p[0] == b"+"):
        p += 1
        n -= 1
    if n == 3 and (memcmp(p, b"nan", 3) == 0 or memcmp(p, b"inf", 3) == 0):
        return True
    whole = used = digits(p, n)
    if used < n and p[used] == b".":
        fraction = digits(p + used + 1, n - used - 1)
        used += 1 + fraction
    if whole == 0 and fraction == 0:
        return False
    if used < n and (p[used] == b"e" or p[used] == b"E"):
        used += 1
        if used < n and (p[used] == b"-" or p[used] == b"+"):
            used += 1
        whole = digits(p + used, n - used)
        if whole == 0:
            return False
        used += whole
    return used == n


cdef double[23] TENS
for _power in range(23):
    TENS[_power] = 10.0 ** _power


cdef bint read_short_float(Slice s, double *value) noexcept nogil:
    """Read digits with a point or without, if they are few enough to be exact in a double.

    A double holds the digits (a number up to 2**53) and the power of ten (up to 10**22) exactly.
    So one division rounds once, as strtod does, and takes a third of its time.
    """
    cdef uint64_t mantissa = 0
    cdef Py_ssize_t point = -1
    cdef Py_ssize_t i
    if not 1 < s.n <= 17:
        return False
    for i in range(s.n):
        if is_digit(s.p[i]):
            mantissa = mantissa * 10 + <uint64_t>(s.p[i] - c"0")
        elif s.p[i] == b"." and point < 0:
            point = i
        else:
            return False
    if mantissa > (<uint64_t>1 << 53):
        return False
    value[0] = <double>mantissa
    if point >= 0:
        value[0] = value[0] / TENS[s.n - 1 - point]
    return True


cdef object read_float(Slice s, bytes unit):
    """A decimal number as C prints it, which `unit` may follow."""
    cdef char copy[LONGEST_NUMBER + 1]
    cdef double value
    cdef Slice suffix
    if unit:
        suffix = of_bytes(unit)
        if s.n >= suffix.n and memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0:
            s.n -= suffix.n
            while s.n and is_space(s.p[s.n - 1]):
                s.n -= 1
    if read_short_float(s, &value):
        return PyFloat_FromDouble(value)
    if s.n > LONGEST_NUMBER or not is_float(s.p, s.n):
        return None
    memcpy(copy, s.p, s.n)
    copy[s.n] = 0
    return PyFloat_FromDouble(PyOS_string_to_double(copy, NULL, NULL))


cdef bint among(Slice s, tuple words):
    """Whether the value is one of the words, which are bytes."""
    for word in words:
        if same(s, PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word)):
            return True
    return False


cdef object read_bool(Slice s, tuple true, tuple false):
    """A truth value: its words for true, and those for false (none: every other)."""
    if among(s, true):
        return True
    if not false or among(s, false):
        return False
    return None


cdef inline bint is_sixty(const char *p) noexcept nogil:
    """Two digits below 60."""
    return b"0" <= p[0] <= b"5" and is_digit(p[1])


cdef object read_duration(Slice s):
    """The seconds of `hh:mm:ss`."""
    cdef Py_ssize_t hours = digits(s.p, s.n)
    cdef const char *rest = s.p + hours
    if not 1 <= hours <= 9 or s.n != hours + 6 or rest[0] != b":" or rest[3] != b":":
        return None
    if not is_sixty(rest + 1) or not is_sixty(rest + 4):
        return None
    return number(s.p, hours) * 3600 + number(rest + 1, 2) * 60 + number(rest + 4, 2)


cdef object read_hostport(Slice s):
    """Address and port of `host:port` or `[IPv6]:port`."""
    cdef Py_ssize_t colon = s.n - 1
    cdef Py_ssize_t port_digits
    cdef int64_t port
    cdef Slice host
    while colon >= 0 and s.p[colon] != b":":
        colon -= 1
    port_digits = s.n - colon - 1
    if colon < 0 or not 1 <= port_digits <= 5:
        return None
    if digits(s.p + colon + 1, port_digits) != port_digits:
        return None
    port = number(s.p + colon + 1, port_digits)
    host.p = s.p
    host.n = colon
    if port > 65535 or host.n == 0:
        return None
    if host.p[0] == b"[" or host.p[host.n - 1] == b"]":
        if not (host.n > 2 and host.p[0] == b"[" and host.p[host.n - 1] == b"]"):
            return None
        host.p += 1
        host.n -= 2
    return text(host), port


cdef object read_milliseconds(Slice s):
    """The milliseconds of `OK (31 ms)`; -2 for `Unmonitored`."""
    cdef Py_ssize_t run
    if same(s, b"Unmonitored", 11):
        return -2
    if s.n < 9 or memcmp(s.p, b"OK (", 4) != 0:
        return None
    run = digits(s.p + 4, s.n - 4)
    if not 1 <= run <= 18 or s.n != run + 8 or memcmp(s.p + 4 + run, b" ms)", 4) != 0:
        return None
    return PyLong_FromLongLong(number(s.p + 4, run))
