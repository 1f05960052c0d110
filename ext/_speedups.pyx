# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, auto_pickle=False, embedsignature=False, autotestdict=False
"""The compiled twin: the fast double of _fallback.py, which is the reference for behaviour.

What it owns: a message owns its bytes, in a block beside it, and its index of lines once that is
built. Nothing points into a chunk after
`feed` returns. Every index into a message comes from `ami_split_lines`, whose entries lie inside
the message and are followed by one entry that starts at its end.
"""

import copyreg

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport Py_EQ, Py_NE, PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memmove, memset

from amistream import _registry
from amistream.errors import MessageTooLarge, ParserInUse, TruncatedMessage

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        Py_ssize_t tp_basicsize
        PyObject *(*tp_alloc)(PyTypeObject *, Py_ssize_t)
    int PyList_Append(object, PyObject *)
    void Py_DECREF(PyObject *)
    void Py_INCREF(object)
    dict PyDict_Copy(object)
    PyTypeObject *Py_TYPE(object)
    PyObject *PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *) except NULL
    object _decode "PyUnicode_DecodeUTF8"(const char *, Py_ssize_t, const char *)
    bint PyUnicode_IS_ASCII(PyObject *) nogil
    object PyUnicode_New(Py_ssize_t, uint32_t)
    void PyUnicode_InternInPlace(PyObject **)
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *) nogil
    char *PyUnicode_DATA(PyObject *) nogil
    double PyOS_string_to_double(const char *, char **, PyObject *) except? -1.0
    object PyLong_FromString(const char *, char **, int)
    object PyLong_FromLongLong(long long)
    object PyFloat_FromDouble(double)
    int PyDict_SetItem(object, object, object) except -1
    PyObject *PyDict_GetItemWithError(object, object) except? NULL

cdef extern from "scan.h":
    const char *AMI_SCAN
    size_t AMI_NOT_WHOLE
    size_t AMI_NOT_PLAIN
    uint32_t AMI_NO_COLON
    ctypedef struct ami_line:
        uint32_t start
        uint32_t colon
    size_t ami_event_end(const uint8_t *, size_t, size_t *) nogil
    size_t ami_split_lines(const uint8_t *, size_t, ami_line *, size_t) nogil
    size_t ami_find_feeds(const uint8_t *, size_t, uint32_t *, size_t) nogil
    const char *ami_value(const char *, const ami_line *, size_t *) nogil
    bint ami_same(const char *, const char *, size_t) nogil
    bint ami_is_ascii(const char *, size_t) nogil
    uint32_t ami_hash(const char *, size_t) nogil
    bint ami_publish(void **, void *) nogil
    void *ami_published(void **) nogil
    bint ami_enter(long *) nogil
    void ami_leave(long *) nogil

# The classes and caches are kept once a process, so that one interpreter may have them. Cython
# gives them to the first that asks: after a subinterpreter the main one would be refused, and run
# pure without a word. It asks for the interpreter's id before it makes anything; -1 is an error.
cdef extern from *:
    """
    static int64_t ami_main_interpreter_id(PyInterpreterState *here)
    {
        if (here == PyInterpreterState_Main())
            return PyInterpreterState_GetID(here);
        PyErr_SetString(PyExc_ImportError, "it serves the main interpreter, not subinterpreters");
        return -1;
    }
    #define PyInterpreterState_GetID ami_main_interpreter_id
    """

IMPLEMENTATION = "compiled"
SCAN = AMI_SCAN.decode()

cdef enum:
    LARGEST_MESSAGE = 2147483647
    LONGEST_NUMBER = 64
    LONGEST_SKIPPED_LINE = 64
    MARKER_LENGTH = 15
    BANNER_LENGTH = 22

cdef const char *MARKER = b"--END COMMAND--"
cdef const char *BANNER = b"Asterisk Call Manager/"


# --- slices of a message's bytes ----------------------------------------------------------------

ctypedef struct Slice:
    # Borrowed: valid while the message or the chunk it points into is held.
    const char *p
    Py_ssize_t n


cdef inline bint is_space(char c) noexcept nogil:
    return c == b" " or c == b"\t"


cdef inline Slice trimmed(const char *p, const char *end, bint carriage_returns) noexcept nogil:
    """Spaces and tabs (and CRs) removed at both ends."""
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


cdef inline bint ends_in_marker(Slice s) noexcept nogil:
    return s.n >= MARKER_LENGTH and ami_same(s.p + s.n - MARKER_LENGTH, MARKER, MARKER_LENGTH)


cdef inline char lowered(char c) noexcept nogil:
    return c + 32 if b"A" <= c <= b"Z" else c


cdef bint same_letters(Slice s, Slice other) noexcept nogil:
    cdef Py_ssize_t i
    if s.n != other.n:
        return False
    for i in range(s.n):
        if lowered(s.p[i]) != lowered(other.p[i]):
            return False
    return True


cdef inline Slice of_bytes(bytes value):
    cdef Slice s
    s.p = PyBytes_AS_STRING(value)
    s.n = PyBytes_GET_SIZE(value)
    return s


cdef inline object text(Slice s):
    return _decode(s.p, s.n, b"surrogateescape")


cdef inline object ascii_text(Slice s):
    """The str of bytes known to be ASCII."""
    if s.n < 2:
        return text(s)
    made = PyUnicode_New(s.n, 127)
    memcpy(PyUnicode_DATA(<PyObject *>made), s.p, s.n)
    return made


cdef inline bytes encoded_name(name):
    if not isinstance(name, str):
        raise TypeError(f"a header's name is a str, not {type(name).__name__}")
    try:
        return (<str>name).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"\n"  # like a name with a line end, none that can be sent


cdef inline object in_one_piece(data):
    """`data`, or its bytes if a memoryview leaves gaps between them."""
    return bytes(data) if isinstance(data, memoryview) and not data.c_contiguous else data


# Header names as str: those seen first, at most this many, so that no stream can fill memory.
# A slot is written once and never freed.
cdef enum:
    NAME_SLOTS = 4096
    NAME_PROBES = 8
    LONGEST_CACHED_NAME = 64

cdef PyObject *name_slots[NAME_SLOTS]


cdef object name_text(Slice s):
    """The str of a header's name, the same object each time while there is room for it."""
    cdef uint32_t at
    cdef int probe
    cdef PyObject *known
    cdef PyObject *made
    if s.n > LONGEST_CACHED_NAME:
        return text(s)
    at = ami_hash(s.p, s.n)
    for probe in range(NAME_PROBES):
        at = (at + 1) & (NAME_SLOTS - 1)
        known = <PyObject *>ami_published(<void **>&name_slots[at])
        if known is NULL:
            made = PyUnicode_DecodeUTF8(s.p, s.n, b"surrogateescape")
            if not PyUnicode_IS_ASCII(made):
                name = <object>made
                Py_DECREF(made)
                return name
            PyUnicode_InternInPlace(&made)
            if ami_publish(<void **>&name_slots[at], made):
                return <object>made
            name = <object>made
            Py_DECREF(made)
            return name
        if PyUnicode_GET_LENGTH(known) == s.n and ami_same(PyUnicode_DATA(known), s.p, s.n):
            return <object>known
    return text(s)


# --- typed values -------------------------------------------------------------------------------

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
    """How many digits `p` starts with."""
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
    """Whether `s` is digits with a point or without, few enough to be exact in a double.

    Both the digits, as a number up to 2**53, and a power of ten up to 10**22 are exact, so that
    one division rounds once, as strtod does; it takes a third of the time.
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
    for word in words:
        if same(s, PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word)):
            return True
    return False


cdef object read_bool(Slice s, tuple true, tuple false):
    if among(s, true):
        return True
    if not false or among(s, false):
        return False
    return None


cdef inline bint is_sixty(const char *p) noexcept nogil:
    """Two digits below 60."""
    return b"0" <= p[0] <= b"5" and is_digit(p[1])


cdef object read_duration(Slice s):
    cdef Py_ssize_t hours = digits(s.p, s.n)
    cdef const char *rest = s.p + hours
    if not 1 <= hours <= 9 or s.n != hours + 6 or rest[0] != b":" or rest[3] != b":":
        return None
    if not is_sixty(rest + 1) or not is_sixty(rest + 4):
        return None
    return number(s.p, hours) * 3600 + number(rest + 1, 2) * 60 + number(rest + 4, 2)


cdef object read_hostport(Slice s):
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
    cdef Py_ssize_t run
    if same(s, b"Unmonitored", 11):
        return -2
    if s.n < 9 or memcmp(s.p, b"OK (", 4) != 0:
        return None
    run = digits(s.p + 4, s.n - 4)
    if not 1 <= run <= 18 or s.n != run + 8 or memcmp(s.p + 4 + run, b" ms)", 4) != 0:
        return None
    return PyLong_FromLongLong(number(s.p + 4, run))


cdef bint unfit(str name) except -1:
    return not name or name != name.strip(" \t") or ":" in name or "\n" in name


cdef tuple encoded(words):
    return tuple([(<str>word).encode() for word in words])


cdef enum:
    KNOWN_PLACES = 8

ctypedef struct Place:
    # Where a header stands in a shape: a line, or NOWHERE.
    const void *shape
    uint32_t line

cdef uint32_t NOWHERE = 0xFFFFFFFF


cdef class Header:
    """A typed header of an event class; see the pure twin's Header."""

    cdef readonly tuple names
    cdef readonly str kind
    cdef readonly object failure
    cdef readonly bint processed
    cdef readonly bint optional
    cdef readonly str key
    cdef readonly object members
    cdef public str attribute
    cdef dict _known                    # a member's plain value: the member
    cdef tuple _names
    cdef tuple _true
    cdef tuple _false
    cdef tuple _unknown
    cdef bytes _unit
    cdef Kind _kind
    cdef Place[KNOWN_PLACES] _places    # by the shape's address; the newest stays

    def __init__(
        self,
        *names,
        kind="text",
        failure=None,
        processed=False,
        optional=False,
        key=None,
        true=(),
        false=(),
        unknown=(),
        unit="",
        members=None,
    ):
        if not names or any([unfit(name) for name in names]):
            raise ValueError(
                "a header needs names without colon, line end or spaces around, "
                f"not {', '.join(map(repr, names)) or 'none'}"
            )
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        self.names = names
        self.kind = kind
        self.failure = failure
        self.processed = processed
        self.optional = optional
        self.key = names[0] if key is None else key
        self.attribute = ""
        self.members = members
        self._known = {member.value: member for member in members or ()}
        self._names = encoded(names)
        self._true = encoded(true)
        self._false = encoded(false)
        self._unknown = encoded(unknown)
        self._unit = (<str>unit).encode()
        self._kind = KINDS[kind]
        for name in self._names:
            name_text(of_bytes(name))

    def __set_name__(self, owner, name):
        self.attribute = name

    def __get__(self, message, owner):
        cdef Slice sent_as
        cdef Slice value
        cdef Index *index
        cdef Place *place
        if message is None:
            return self
        if not isinstance(message, MessageCore):
            raise TypeError(f"{self!r} reads messages, not {type(message).__name__}")
        index = lines_of(message)
        if index.shape is NULL:
            if not find(<MessageCore>message, index, self._names, &sent_as, &value):
                return self.failure
            return self.attribute_value(value)
        place = &self._places[(<size_t>index.shape >> 4) % KNOWN_PLACES]
        if place.shape != index.shape:
            place.line = NOWHERE
            if find(<MessageCore>message, index, self._names, &sent_as, &value):
                place.line = line_of(<MessageCore>message, index, value)
            place.shape = index.shape
        if place.line == NOWHERE:
            return self.failure
        return self.attribute_value(line_value(<MessageCore>message, index, place.line))

    def coerce(self, bytes value not None):
        """The typed value of a header's bytes, or the failure value if they cannot be read."""
        return self.read(of_bytes(value))

    def __repr__(self):
        return f"<{self.kind} header {self.names[0]}>"

    cdef inline object attribute_value(self, Slice s):
        return self.read(s) if self.members is None else self.member(s)

    cdef object member(self, Slice s):
        cdef object plain
        if self._unknown and among(s, self._unknown):
            return self.failure
        plain = text(s) if self._kind == TEXT else read_int(s)
        if plain is None:
            return self.failure
        known = self._known.get(plain)
        if known is not None:
            return known
        if s.n == 0:            # no word at all is none that an enumeration does not know yet
            return self.failure
        try:
            return self.members(plain)
        except ValueError:      # an enumeration of the user's own, which takes no other values
            return self.failure

    cdef object read(self, Slice s):
        cdef object result
        if self._unknown and among(s, self._unknown):
            return self.failure
        if self._kind == TEXT:
            return text(s)
        if self._kind == INT:
            result = read_int(s)
        elif self._kind == BOOL:
            result = read_bool(s, self._true, self._false)
        elif self._kind == FLOAT:
            result = read_float(s, self._unit)
        elif self._kind == DURATION:
            result = read_duration(s)
        elif self._kind == HOSTPORT:
            result = read_hostport(s)
        else:
            result = read_milliseconds(s)
        return self.failure if result is None else result


# --- messages -----------------------------------------------------------------------------------

cdef enum:
    LONGEST_SHAPE = 64
    MOST_LINES_ON_STACK = 64

ctypedef struct Entry:
    PyObject *name          # owned, ASCII
    PyObject *value         # borrowed from the template, ASCII; NULL: to be made each time

ctypedef struct Shape:
    uint32_t count
    uint32_t uses
    bint repeats            # a name stands in it twice
    PyObject *template      # owned
    Entry entries[1]        # count of them

ctypedef struct Index:
    # Owned by its message. `lines` has `count` entries and one more that starts at the end;
    # those from `output` on are an old-style answer's output.
    uint32_t count
    uint32_t output
    Shape *shape            # borrowed, if the message was found to have one
    ami_line lines[1]


@cython.no_gc
cdef class MessageCore:
    """One message's own bytes and what is read off them, lazily; made by Parser or from bytes."""

    cdef const char *buffer     # owned: a PyMem block
    cdef uint32_t size
    cdef bint is_response       # only a Response may be an old-style answer
    cdef Index *index           # owned, NULL until the first header is asked for

    _headers = {}
    _processed = ()
    _is_event = False
    _is_response = False

    def __cinit__(self, raw):
        cdef Py_buffer view
        cdef char *copy
        if not isinstance(raw, (bytes, bytearray, memoryview)):
            raise TypeError(
                f"{type(self).__name__}() takes the bytes of one message, not {type(raw).__name__}"
            )
        raw = in_one_piece(raw)
        PyObject_GetBuffer(raw, &view, PyBUF_SIMPLE)
        try:
            if view.len > LARGEST_MESSAGE:
                raise ValueError(f"a message has at most {LARGEST_MESSAGE} bytes")
            copy = <char *>PyMem_Malloc(view.len or 1)
            if copy is NULL:
                raise MemoryError
            memcpy(copy, view.buf, view.len)
            self.buffer = copy
            self.size = <uint32_t>view.len
            self.is_response = type(self)._is_response
        finally:
            PyBuffer_Release(&view)

    def __dealloc__(self):
        PyMem_Free(self.index)
        PyMem_Free(<void *>self.buffer)

    def __reduce__(self):
        """Made anew from the bytes, under every protocol."""
        return copyreg.__newobj__, (type(self), self.raw), self.__getstate__()

    def __getstate__(self):
        """Only what a subclass added: the bytes travel as the constructor's argument."""
        added = {
            name: getattr(self, name)
            for name in copyreg._slotnames(type(self))
            if hasattr(self, name)
        }
        own = getattr(self, "__dict__", None)
        return (own, added) if own or added else None

    def __sizeof__(self):
        """The object's own bytes, its message and its index included."""
        cdef Index *index = <Index *>ami_published(<void **>&self.index)
        cdef size_t size = Py_TYPE(self).tp_basicsize + self.size
        return size + (index_size(index.count) if index is not NULL else 0)

    @property
    def raw(self):
        """The message's bytes as they came, with the line that ended it."""
        return PyBytes_FromStringAndSize(self.buffer, self.size)

    @property
    def name(self):
        """The event's name, or a response's word (`Success`); None if it has neither."""
        cdef Slice value
        if self.is_response:
            return self.get("Response")
        if not event_name(self, &value):
            return None
        return text(value)

    @property
    def action_id(self):
        """The ActionID header, or None."""
        return self.get("ActionID")

    @property
    def data(self):
        """The lines that are not headers: a Command's output (either style), or strays."""
        cdef StackIndex spare
        return data_lines(self, lines_once(self, &spare))

    def __getitem__(self, name):
        cdef Slice value
        if not find_named(self, name, &value):
            raise KeyError(name)
        return text(value)

    def get(self, name, default=None, *, bint ignore_case=False):
        """The raw text of the last header called `name`, or `default`."""
        cdef Slice sent_as
        cdef Slice value
        if find_named(self, name, &value):
            return text(value)
        if ignore_case and find(self, lines_of(self), (encoded_name(name),), &sent_as, &value):
            return text(value)
        return default

    def get_all(self, name):
        """The raw texts of every header called `name`, in the order they were sent."""
        cdef Index *index = lines_of(self)
        cdef bytes wanted = encoded_name(name)
        cdef Slice one
        cdef uint32_t i
        cdef list found = []
        for i in range(index.output):
            if index.lines[i].colon != AMI_NO_COLON:
                one = line_name(self, index, i)
                if same(one, PyBytes_AS_STRING(wanted), PyBytes_GET_SIZE(wanted)):
                    found.append(text(line_value(self, index, i)))
        return found

    def __contains__(self, name):
        cdef Slice value
        return isinstance(name, str) and find_named(self, name, &value)

    def __iter__(self):
        return iter(all_texts(self))

    def __len__(self):
        return len(all_texts(self))

    def __bool__(self):
        return True

    def keys(self):
        """The distinct header names, in the order they were first sent."""
        return all_texts(self).keys()

    def values(self):
        """The raw text of each name's last header."""
        return all_texts(self).values()

    def items(self):
        """Pairs of name and raw text of its last header."""
        return all_texts(self).items()

    def process(self):
        """The headers, those typed whose class states a failure value, and the data lines."""
        cdef StackIndex spare
        cdef Index *index = lines_once(self, &spare)
        cdef dict headers = texts(self, index)
        cdef Slice sent_as
        cdef Slice value
        cdef Header header
        for declared in <tuple>type(self)._processed:
            header = <Header>declared
            if not find(self, index, header._names, &sent_as, &value):
                if not header.optional:
                    headers[header.key] = header.failure
                continue
            typed = header.read(value)
            headers[header.key] = typed
            if header.key == header.names[0] and not same(
                sent_as, PyBytes_AS_STRING(header._names[0]), PyBytes_GET_SIZE(header._names[0])
            ):
                headers[text(sent_as)] = typed
        return headers, data_lines(self, index)

    def to_dict(self, bint typed=False):
        """Every header: its text, a list when repeated; `typed` coerces the declared ones."""
        return every_header(self, typed)

    def __richcmp__(self, other, int op):
        cdef bint equal
        cdef Slice own_name
        if op != Py_EQ and op != Py_NE:
            return NotImplemented
        if isinstance(other, str):
            equal = self.name == other
        elif isinstance(other, MessageCore):
            equal = (
                type(self) is type(other)
                and self.size == (<MessageCore>other).size
                and memcmp(self.buffer, (<MessageCore>other).buffer, self.size) == 0
            )
        else:
            return NotImplemented
        return equal == (op == Py_EQ)

    __hash__ = None

    @classmethod
    def _declared(cls, str name not None):
        """The typed header that a class declares for a name on the wire, in whatever case."""
        return cls._headers.get(name) or cls._headers.get(name.lower())


cdef PyObject *new_message(
    PyTypeObject *cls, bint is_response, const char *p, size_t n
) except NULL:
    """A new reference to a message of `cls` with a copy of the n bytes at `p`."""
    cdef PyObject *made
    cdef char *copy
    copy = <char *>PyMem_Malloc(n)
    if copy is NULL:
        raise MemoryError
    made = cls.tp_alloc(cls, 0)
    if made is NULL:
        PyMem_Free(copy)
        raise MemoryError
    memcpy(copy, p, n)
    (<MessageCore><void *>made).buffer = copy
    (<MessageCore><void *>made).size = <uint32_t>n
    (<MessageCore><void *>made).is_response = is_response
    (<MessageCore><void *>made).index = NULL
    return made


cdef inline size_t index_size(size_t count) noexcept nogil:
    return sizeof(Index) + count * sizeof(ami_line)


ctypedef struct StackIndex:
    Index index
    ami_line more[MOST_LINES_ON_STACK]


cdef Index *lines_of(MessageCore message) except NULL:
    """The message's index, built and kept at the first call; threads may race, one wins."""
    cdef StackIndex spare
    cdef size_t count
    cdef Index *kept = <Index *>ami_published(<void **>&message.index)
    if kept is not NULL:
        return kept
    count = split_lines(message, &spare.index, MOST_LINES_ON_STACK)
    if count <= MOST_LINES_ON_STACK:
        spare.index.shape = shape_of(message, &spare.index)
        count = spare.index.count
    kept = <Index *>PyMem_Malloc(index_size(count))
    if kept is NULL:
        raise MemoryError
    if count <= MOST_LINES_ON_STACK:
        memcpy(kept, &spare.index, index_size(count))
    else:
        split_lines(message, kept, count)
    if ami_publish(<void **>&message.index, kept):
        return kept
    PyMem_Free(kept)
    return <Index *>ami_published(<void **>&message.index)


cdef Index *lines_once(MessageCore message, StackIndex *spare) except NULL:
    """The message's index if it has one, else one in `spare`: for what reads every line at once."""
    cdef Index *kept = <Index *>ami_published(<void **>&message.index)
    if kept is not NULL:
        return kept
    if split_lines(message, &spare.index, MOST_LINES_ON_STACK) <= MOST_LINES_ON_STACK:
        return &spare.index
    return lines_of(message)


cdef size_t split_lines(MessageCore message, Index *index, size_t room) noexcept:
    """Fill `index`, which has room for so many lines and the end; how many lines there are."""
    cdef size_t count
    if split_as_before(message, index, room):
        return index.count
    index.shape = NULL
    count = ami_split_lines(<const uint8_t *>message.buffer, message.size, index.lines, room)
    if count > room:
        return count
    index.lines[count].start = message.size
    index.lines[count].colon = AMI_NO_COLON
    index.count = index.output = <uint32_t>count
    if message.is_response:
        index.output = output_start(message, index)
    if count and index.output == count and not line_text(message, index, index.count - 1).n:
        # The blank line that ends the message; its entry stays, as the one after the last.
        index.count -= 1
        index.output -= 1
    return count


cdef inline const char *line_end(MessageCore message, Index *index, uint32_t i) noexcept nogil:
    """Where line `i` ends, its LF not included; the last line may lack one."""
    cdef const char *end = message.buffer + index.lines[i + 1].start
    return end - 1 if end > message.buffer + index.lines[i].start and (end - 1)[0] == b"\n" else end


cdef inline Slice line_name(MessageCore message, Index *index, uint32_t i) noexcept nogil:
    cdef const char *p = message.buffer
    return trimmed(p + index.lines[i].start, p + index.lines[i].colon, False)


cdef inline Slice line_value(MessageCore message, Index *index, uint32_t i) noexcept nogil:
    cdef Slice s
    s.p = ami_value(message.buffer, &index.lines[i], <size_t *>&s.n)
    return s


cdef uint32_t line_of(MessageCore message, Index *index, Slice value) noexcept nogil:
    """The line that a value stands in."""
    cdef uint32_t i = index.count - 1
    while message.buffer + index.lines[i].start > value.p:
        i -= 1
    return i


cdef inline Slice line_text(MessageCore message, Index *index, uint32_t i) noexcept nogil:
    """The line without the CR that ends it."""
    cdef Slice s
    s.p = message.buffer + index.lines[i].start
    s.n = line_end(message, index, i) - s.p
    if s.n and s.p[s.n - 1] == b"\r":
        s.n -= 1
    return s


cdef uint32_t output_start(MessageCore message, Index *index) noexcept nogil:
    """The first line of an old-style answer's output, or the number of lines."""
    cdef uint32_t i
    cdef bint follows = False
    cdef Slice name
    for i in range(index.count):
        if index.lines[i].colon != AMI_NO_COLON:
            name = line_name(message, index, i)
            if not follows:
                follows = same(name, b"Response", 8) and same(
                    line_value(message, index, i), b"Follows", 7
                )
                continue
            if not ends_in_marker(line_text(message, index, i)) and (
                (line_end(message, index, i) - 1)[0] == b"\r"
                or same(name, b"ActionID", 8)
                or same(name, b"Privilege", 9)
                or same(name, b"Message", 7)
            ):
                continue
        if follows:
            return i
    return index.count


cdef bint event_name(MessageCore message, Slice *value) except -1:
    """The value of the first Event header."""
    cdef Index *index
    cdef const char *end
    cdef uint32_t i
    if message.size >= 6 and memcmp(message.buffer, b"Event:", 6) == 0:
        end = <const char *>memchr(message.buffer, b"\n", message.size)
        if end is NULL:
            end = message.buffer + message.size
        value[0] = trimmed(message.buffer + 6, end, True)
        return True
    index = lines_of(message)
    for i in range(index.output):
        if index.lines[i].colon != AMI_NO_COLON:
            if same(line_name(message, index, i), b"Event", 5):
                value[0] = line_value(message, index, i)
                return True
    return False


cdef bint find_exact(MessageCore message, Index *index, Slice name, Slice *value) noexcept nogil:
    """The last header sent exactly as `name`."""
    cdef uint32_t i = index.output
    cdef ami_line *line
    if name.n and (is_space(name.p[0]) or is_space(name.p[name.n - 1])):
        return False  # the spaces around a name on the wire are not part of it
    while i:
        i -= 1
        line = &index.lines[i]
        # A line without a colon has AMI_NO_COLON, which no name's length reaches.
        if line.colon - line.start == <uint32_t>name.n:
            if line.colon != AMI_NO_COLON:
                if ami_same(message.buffer + line.start, name.p, name.n):
                    value[0] = line_value(message, index, i)
                    return True
    return False


cdef bint find_loosely(
    MessageCore message, Index *index, Slice name, bint any_case, Slice *sent_as, Slice *value
) noexcept nogil:
    """The last header called `name` when spaces around it, and with `any_case` case, are ignored."""
    cdef uint32_t i = index.output
    cdef Slice one
    while i:
        i -= 1
        if index.lines[i].colon != AMI_NO_COLON:
            one = line_name(message, index, i)
            if same_letters(one, name) if any_case else same(one, name.p, name.n):
                sent_as[0] = one
                value[0] = line_value(message, index, i)
                return True
    return False


cdef bint find_text(MessageCore message, Slice name, Slice *value) except -1:
    cdef Index *index = lines_of(message)
    cdef Slice sent_as
    return find_exact(message, index, name, value) or find_loosely(
        message, index, name, False, &sent_as, value
    )


cdef bint find_named(MessageCore message, name, Slice *value) except -1:
    """The last header called `name`; an ASCII name is read where it lies, not encoded."""
    cdef Slice wanted       # borrowed from `name` or `encoded`
    if isinstance(name, str) and PyUnicode_IS_ASCII(<PyObject *>name):
        wanted.p = PyUnicode_DATA(<PyObject *>name)
        wanted.n = PyUnicode_GET_LENGTH(<PyObject *>name)
    else:
        encoded = encoded_name(name)
        wanted = of_bytes(encoded)
    return find_text(message, wanted, value)


cdef bint find(
    MessageCore message, Index *index, tuple names, Slice *sent_as, Slice *value
) except -1:
    """Name and value of the first of `names` that was sent: as spelled, else in any case."""
    for name in names:
        if find_exact(message, index, of_bytes(name), value):
            sent_as[0] = of_bytes(name)
            return True
    for name in names:
        if find_loosely(message, index, of_bytes(name), False, sent_as, value):
            return True
    for name in names:
        if find_loosely(message, index, of_bytes(name), True, sent_as, value):
            return True
    return False


# --- shapes -------------------------------------------------------------------------------------
#
# Events of one kind nearly always carry the same headers in the same order, and half of the values
# are those of the one before. A shape is such an order, seen before, with a dict to copy of the
# names and of one such message's short values: only what differs is made anew. Shapes are found
# by the lengths of a message's names, then checked against its bytes; they are never freed.

cdef enum:
    SHAPE_SLOTS = 1024
    SHAPE_PROBES = 4
    LONGEST_KEPT_TEXT = 64
    SHAPE_RENEWAL = 64      # uses after which the values are taken anew

cdef Shape *shape_slots[SHAPE_SLOTS]
cdef Shape *expected_shapes[SHAPE_SLOTS]    # by the hash of a message's first line


cdef bint split_as_before(MessageCore message, Index *index, size_t room) noexcept nogil:
    """Fill `index` if the message has the shape of the last one that began with the same line."""
    cdef uint32_t feeds[LONGEST_SHAPE + 1]
    cdef size_t count = ami_find_feeds(
        <const uint8_t *>message.buffer, message.size, feeds, LONGEST_SHAPE + 1
    )
    cdef uint32_t start = 0
    cdef uint32_t colon
    cdef uint32_t i
    cdef Shape *shape
    cdef PyObject *name
    if message.is_response or not 1 < count <= LONGEST_SHAPE or count > room:
        return False
    # All of it read: the last line ends the message and is blank, CRLF.
    if feeds[count - 1] + 1 != message.size or feeds[count - 1] - feeds[count - 2] != 2:
        return False
    shape = <Shape *>ami_published(<void **>&expected_shapes[first_line_hash(message, feeds[0])])
    if shape is NULL or shape.count != count - 1 or message.buffer[message.size - 2] != b"\r":
        return False
    for i in range(shape.count):
        name = shape.entries[i].name
        colon = start + <uint32_t>PyUnicode_GET_LENGTH(name)
        # A name that does not end before its line's LF is not this line's: nothing past it is read.
        if colon >= feeds[i] or message.buffer[colon] != b":":
            return False
        if not ami_same(message.buffer + start, PyUnicode_DATA(name), colon - start):
            return False
        index.lines[i].start = start
        index.lines[i].colon = colon
        start = feeds[i] + 1
    index.lines[shape.count].start = start
    index.lines[shape.count].colon = AMI_NO_COLON
    index.count = index.output = shape.count
    index.shape = shape
    return True


cdef inline uint32_t first_line_hash(MessageCore message, uint32_t size) noexcept nogil:
    return ami_hash(message.buffer, size) & (SHAPE_SLOTS - 1)


cdef Shape *shape_of(MessageCore message, Index *index) except? NULL:
    """The shape of the message's headers; NULL if it has none or there is no room for it."""
    cdef Shape *shape = index.shape
    if shape is NULL:
        shape = find_shape(message, index)
        if shape is not NULL:
            expected_shapes[first_line_hash(message, index.lines[1].start - 1)] = shape
    return shape


cdef Shape *find_shape(MessageCore message, Index *index) except? NULL:
    cdef uint32_t count = index.output
    cdef uint32_t at = count
    cdef uint32_t i
    cdef int probe
    cdef Shape **slot
    cdef Shape *shape
    if message.is_response or not 0 < count <= LONGEST_SHAPE:
        return NULL
    for i in range(count):
        at = at * 31 + (index.lines[i].colon - index.lines[i].start)
    for probe in range(SHAPE_PROBES):
        at = (at ^ at >> 10) + 1
        slot = &shape_slots[at & (SHAPE_SLOTS - 1)]
        shape = <Shape *>ami_published(<void **>slot)
        if shape is NULL:
            return new_shape(message, index, slot)
        if has_shape(message, index, shape):
            return shape
    return NULL


cdef bint has_shape(MessageCore message, Index *index, Shape *shape) noexcept nogil:
    cdef uint32_t i
    cdef uint32_t size
    cdef PyObject *name
    if shape.count != index.count:
        return False
    for i in range(shape.count):
        name = shape.entries[i].name
        size = index.lines[i].colon - index.lines[i].start
        if size != <uint32_t>PyUnicode_GET_LENGTH(name):
            return False
        if not ami_same(message.buffer + index.lines[i].start, PyUnicode_DATA(name), size):
            return False
    return True


cdef Shape *new_shape(MessageCore message, Index *index, Shape **slot) except? NULL:
    """Publish a shape in an empty slot; NULL if the message has strays or unusual names."""
    cdef list names = []
    cdef dict template
    cdef Slice name
    cdef uint32_t i
    cdef Shape *shape
    for i in range(index.count):
        if index.lines[i].colon == AMI_NO_COLON:
            return NULL
        name = line_name(message, index, i)
        if name.n != index.lines[i].colon - index.lines[i].start or name.n > LONGEST_CACHED_NAME:
            return NULL
        names.append(name_text(name))
        if not PyUnicode_IS_ASCII(<PyObject *>names[i]):
            return NULL
    template = dict.fromkeys(names)
    shape = <Shape *>PyMem_Malloc(sizeof(Shape) + index.count * sizeof(Entry))
    if shape is NULL:
        raise MemoryError
    shape.count = index.count
    shape.uses = 0
    shape.repeats = len(template) != len(names)
    shape.template = <PyObject *>template
    for i in range(index.count):
        shape.entries[i].name = <PyObject *>names[i]
        shape.entries[i].value = NULL
    if not ami_publish(<void **>slot, shape):
        PyMem_Free(shape)
        return NULL
    Py_INCREF(template)
    for one in names:
        Py_INCREF(one)
    return shape


cdef int renew_shape(Shape *shape, dict found) except -1:
    """Let the shape's template be a copy of `found`, without its long values."""
    cdef uint32_t i
    cdef Entry *entry
    cdef PyObject *value
    cdef PyObject *before
    if shape.repeats:
        return 0
    template = PyDict_Copy(found)
    # A copy may run the collector and so anything, this function too; what follows may not.
    before = shape.template
    for i in range(shape.count):
        entry = &shape.entries[i]
        value = PyDict_GetItemWithError(template, <object>entry.name)
        entry.value = NULL
        if PyUnicode_IS_ASCII(value) and PyUnicode_GET_LENGTH(value) <= LONGEST_KEPT_TEXT:
            entry.value = value
        else:
            PyDict_SetItem(template, <object>entry.name, None)
    Py_INCREF(template)
    shape.template = <PyObject *>template
    Py_DECREF(before)
    return 0


cdef dict shaped_texts(MessageCore message, Index *index, Shape *shape):
    cdef bint ascii = ami_is_ascii(message.buffer, message.size)
    cdef object template = <object>shape.template
    cdef dict found = PyDict_Copy(template)
    # The copy may run the collector and so anything: only of what was copied are values kept.
    cdef bint copied = shape.template == <PyObject *>template
    cdef Entry *entry
    cdef Slice value
    cdef uint32_t i
    for i in range(shape.count):
        entry = &shape.entries[i]
        value = line_value(message, index, i)
        if copied and entry.value is not NULL and PyUnicode_GET_LENGTH(entry.value) == value.n:
            if ami_same(PyUnicode_DATA(entry.value), value.p, value.n):
                continue
        PyDict_SetItem(found, <object>entry.name, ascii_text(value) if ascii else text(value))
    shape.uses += 1
    if shape.uses % SHAPE_RENEWAL == 1:
        renew_shape(shape, found)
    return found


cdef dict all_texts(MessageCore message):
    cdef StackIndex spare
    return texts(message, lines_once(message, &spare))


cdef dict texts(MessageCore message, Index *index):
    """The last text of each name: sent so first, then those with spaces around."""
    cdef dict found = {}
    cdef Slice name
    cdef uint32_t i
    cdef bint spaced = False
    cdef Shape *shape = shape_of(message, index)
    if shape is not NULL:
        return shaped_texts(message, index, shape)
    for i in range(index.output):
        if index.lines[i].colon == AMI_NO_COLON:
            continue
        name = line_name(message, index, i)
        if name.n != index.lines[i].colon - index.lines[i].start:
            spaced = True
        PyDict_SetItem(found, name_text(name), text(line_value(message, index, i)))
    if spaced:
        for i in range(index.output):
            if index.lines[i].colon != AMI_NO_COLON:
                name = line_name(message, index, i)
                if name.n == index.lines[i].colon - index.lines[i].start:
                    found[name_text(name)] = text(line_value(message, index, i))
    return found


cdef dict every_header(MessageCore message, bint typed):
    cdef StackIndex spare
    cdef Index *index = lines_once(message, &spare)
    cdef dict found = {}
    cdef set repeated = None
    cdef PyObject *before
    cdef Slice value
    cdef uint32_t i
    cdef Shape *shape
    if not typed:
        shape = shape_of(message, index)
        if shape is not NULL and not shape.repeats:
            return shaped_texts(message, index, shape)
    for i in range(index.output):
        if index.lines[i].colon == AMI_NO_COLON:
            continue
        name = name_text(line_name(message, index, i))
        value = line_value(message, index, i)
        header = type(message)._declared(name) if typed else None
        one = text(value) if header is None else (<Header>header).read(value)
        before = PyDict_GetItemWithError(found, name)
        if before is NULL:
            PyDict_SetItem(found, name, one)
        elif repeated is not None and name in repeated:
            (<list>before).append(one)
        else:
            repeated = {name} if repeated is None else repeated | {name}
            found[name] = [<object>before, one]
    return found


cdef list data_lines(MessageCore message, Index *index):
    cdef list found = []
    cdef Slice s
    cdef uint32_t i
    for i in range(index.output):
        if index.lines[i].colon == AMI_NO_COLON:
            s = line_text(message, index, i)
            if s.n:
                found.append(text(s))
        elif message.is_response and same(line_name(message, index, i), b"Output", 6):
            s = line_text(message, index, i)
            s.n -= message.buffer + index.lines[i].colon + 1 - s.p
            s.p = message.buffer + index.lines[i].colon + 1
            if s.n > 0 and s.p[0] == b" ":
                s.p += 1
                s.n -= 1
            found.append(text(s))
    for i in range(index.output, index.count):
        s = line_text(message, index, i)
        if ends_in_marker(s):
            s.n -= MARKER_LENGTH
            if trimmed(s.p, s.p + s.n, False).n:
                found.append(text(s))
            break
        found.append(text(s))
    return found


# --- the parser ---------------------------------------------------------------------------------

cdef tuple USER_EVENT_NAMES = (_registry.USER_EVENT,)


cdef enum Verdict:
    MORE
    WHOLE
    IS_BANNER
    TOO_LARGE
    LINE_TOO_LONG
    TOO_MANY_LINES

ctypedef struct NameEntry:
    # Borrowed from the parser's selection, which it keeps alive.
    const char *p
    Py_ssize_t n
    PyTypeObject *cls
    bint is_user_event


cdef Py_ssize_t bound(str name, object value, str unit) except -1:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a number of {unit}, not {value!r}")
    if not 1 <= value <= LARGEST_MESSAGE:
        raise ValueError(f"{name} must be 1 to {LARGEST_MESSAGE} {unit}, not {value}")
    return value


@cython.final
@cython.no_gc_clear
cdef class Parser:
    """Splits a stream, cut into chunks anywhere, into messages.

    only: event classes and event names to build; Event, Response or Message itself for all of
        their kind. The rest is skipped on the raw bytes and counted. None builds everything.
    max_message: the longest message in bytes, its end included.
    max_line: the longest line in bytes, its end included.
    max_headers: the most lines of a message: its headers, repeated ones too, and its output.
    """

    cdef public object banner
    cdef public unsigned long long messages
    cdef public unsigned long long bytes
    cdef public unsigned long long malformed
    cdef public unsigned long long skipped
    cdef readonly Py_ssize_t max_message
    cdef readonly Py_ssize_t max_line
    cdef readonly Py_ssize_t max_headers

    cdef object _names                  # the selection's dict, name to class
    cdef list _name_keys                # keeps the bytes that _table points into
    cdef NameEntry *_table              # owned; open addressing, at most half full
    cdef uint32_t _table_mask
    cdef Py_ssize_t _table_entries
    cdef dict _user_events
    cdef object _user_event
    cdef object _event
    cdef object _response
    cdef object _message

    cdef long _busy
    cdef char *_pending                 # owned: the message that is not whole yet
    cdef Py_ssize_t _pending_size
    cdef Py_ssize_t _pending_room
    cdef bytes _rest                    # what is still to be split after an error
    cdef unsigned long long _offset     # of the pending message, in the stream
    cdef bint _at_start
    cdef bint _skipping

    # Of the message in progress; the indexes are relative to its start.
    cdef Py_ssize_t _line
    cdef Py_ssize_t _lines              # how many were read
    cdef Py_ssize_t _resume
    cdef int _crlf                      # how its first line ended: -1 not known yet
    cdef bint _previous_crlf
    cdef bint _follows
    cdef bint _is_event
    cdef bint _is_response
    cdef Py_ssize_t _name_start
    cdef Py_ssize_t _name_size

    def __init__(self, only=None, max_message=1 << 20, max_line=1 << 18, max_headers=1 << 17):
        self.max_message = bound("max_message", max_message, "bytes")
        self.max_line = bound("max_line", max_line, "bytes")
        self.max_headers = bound("max_headers", max_headers, "lines")
        (
            self._names,
            self._user_events,
            self._user_event,
            self._event,
            self._response,
            self._message,
        ) = _registry.select(only)
        self._table_entries = -1
        self.messages = self.bytes = self.malformed = self.skipped = 0
        self.banner = None
        self._start_stream()

    def __dealloc__(self):
        PyMem_Free(self._table)
        PyMem_Free(self._pending)

    def feed(self, data):
        """The messages that `data` completes.

        TypeError if it is not bytes-like, MessageTooLarge past a bound, ParserInUse if two
        calls overlap. Nothing else is raised, whatever the bytes. What breaks in from
        outside, as MemoryError, loses the chunk and the message begun; the next chunk is read.
        """
        cdef Py_buffer view
        if not PyObject_CheckBuffer(data):
            kind = type(data).__name__
            raise TypeError(
                f"feed() takes bytes, not {kind}: pass what the socket gave, undecoded"
            )
        data = in_one_piece(data)
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            if not ami_enter(&self._busy):
                raise ParserInUse
            try:
                self.bytes += view.len
                return self._take_after_error(<const char *>view.buf, view.len)
            finally:
                ami_leave(&self._busy)
        finally:
            PyBuffer_Release(&view)

    def close(self):
        """End the stream: the messages still held back; then the parser is ready for another.

        TruncatedMessage if the stream ended inside a message.
        """
        cdef unsigned long long offset
        cdef bint skipping
        if not ami_enter(&self._busy):
            raise ParserInUse
        try:
            found = self._take_after_error(b"", 0)
            left = PyBytes_FromStringAndSize(self._pending, self._pending_size)
            offset = self._offset
            skipping = self._skipping
            self._start_stream()
            if left.strip(b"\r") and not skipping:
                self.malformed += 1
                raise TruncatedMessage(offset, left, found)
            return found
        finally:
            ami_leave(&self._busy)

    cdef int _start_stream(self) except -1:
        self._pending_size = 0
        self._rest = b""
        self._offset = 0
        self._at_start = True
        self._skipping = False
        self._start_message()
        return 0

    cdef inline void _start_message(self) noexcept:
        self._line = 0
        self._lines = 0
        self._resume = 0
        self._crlf = -1
        self._previous_crlf = False
        self._follows = False
        self._is_event = False
        self._is_response = False

    cdef list _take_after_error(self, const char *p, Py_ssize_t n):
        cdef bytes joined
        cdef list found = []
        cdef unsigned long long end = self._offset + self._pending_size + len(self._rest) + n
        try:
            if self._table_entries != len(self._names):
                self._build_table()
            if self._rest:
                joined = self._rest + p[:n]
                self._rest = b""
                self._take(PyBytes_AS_STRING(joined), PyBytes_GET_SIZE(joined), found)
            else:
                self._take(p, n, found)
        except MessageTooLarge:
            raise
        except BaseException:
            # Memory ran out: what is known of the message in progress may not fit its bytes.
            self._start_stream()
            self._at_start = False
            self._offset = end
            raise
        return found

    cdef int _take(self, const char *p, Py_ssize_t n, list found) except -1:
        """Take every message of the chunk; `p` is held by the caller."""
        cdef Py_ssize_t position = 0
        cdef Py_ssize_t start
        cdef size_t length
        cdef size_t name_end
        cdef Slice name
        if self._pending_size:
            position = self._finish_pending(p, n, found)
        while position < n:
            start = position
            if not self._skipping:
                start = skip_blank_lines(p, n, position)
            self._offset += start - position
            position = start
            if n - start >= 8 and not self._skipping and memcmp(p + start, b"Event:", 6) == 0:
                length = ami_event_end(<const uint8_t *>p + start, n - start, &name_end)
                if length == AMI_NOT_WHOLE and self._is_within_bounds(p + start, n - start):
                    self._keep(p + start, n - start)
                    break
                if 0 < length <= <size_t>n and self._is_within_bounds(p + start, length):
                    name = trimmed(p + start + 6, p + start + name_end, True)
                    self._build_event(name, p + start, length, found)
                    self._at_start = False
                    self._offset += length
                    position += length
                    continue
            position = self._take_message(p, n, start, found)
            if position < 0:
                self._keep(p + start, n - start)
                break
        return 0

    cdef inline bint _is_within_bounds(self, const char *p, Py_ssize_t n) noexcept:
        """Whether what is plain at `p` passes no bound; False too where the lines must tell."""
        if n > self.max_message or n > self.max_line:
            return False
        # The last line is the blank one, or a part; neither counts yet.
        return n <= self.max_headers or (
            ami_find_feeds(<const uint8_t *>p, n, NULL, 0) <= <size_t>self.max_headers
        )

    cdef int _keep(self, const char *p, Py_ssize_t n) except -1:
        self._append(p, n)
        self._trim_skipped()
        return 0

    cdef Py_ssize_t _finish_pending(self, const char *p, Py_ssize_t n, list found) except -1:
        """Complete the message begun in earlier chunks; where in the chunk the next one starts.

        The chunk is appended in growing pieces, so that a short end costs a short copy.
        """
        cdef Py_ssize_t used = 0
        cdef Py_ssize_t piece = 512
        cdef Py_ssize_t end
        if not n:
            return 0
        if self._pending_size == 1 and self._pending[0] == b"\r" and not self._skipping:
            if p[0] == b"\n":
                self._pending_size = 0
                self._offset += 2
                self._start_message()
                return 1
        while used < n:
            piece = min(piece, n - used)
            self._append(p + used, piece)
            used += piece
            piece *= 2
            try:
                end = self._take_message(self._pending, self._pending_size, 0, found)
            except MessageTooLarge:
                self._rest += p[used:n]
                raise
            if end >= 0:
                used -= self._pending_size - end
                self._pending_size = 0
                return used
            self._trim_skipped()
        return n

    cdef int _append(self, const char *p, Py_ssize_t n) except -1:
        cdef Py_ssize_t needed = self._pending_size + n
        cdef Py_ssize_t room
        cdef char *grown
        if n == 0:
            return 0    # there may be no block yet, and C lets nothing be copied to NULL
        if needed > self._pending_room:
            room = max(needed, self._pending_room * 2, 1024)
            grown = <char *>PyMem_Realloc(self._pending, room)
            if grown is NULL:
                raise MemoryError
            self._pending = grown
            self._pending_room = room
        memcpy(self._pending + self._pending_size, p, n)
        self._pending_size = needed
        return 0

    cdef Py_ssize_t _take_message(
        self, const char *p, Py_ssize_t n, Py_ssize_t start, list found
    ) except -2:
        """Take the message at `start`: the position after it, or -1 if it is not whole."""
        cdef Py_ssize_t length
        cdef Verdict verdict = self._advance(p + start, n - start, &length)
        cdef Slice name
        if verdict == MORE:
            return -1
        if verdict >= TOO_LARGE:
            self._skip_message(p + start, n - start, found, verdict)
        if verdict == WHOLE and not self._skipping:
            if self._is_event:
                name.p = p + start + self._name_start
                name.n = self._name_size
                self._build_event(name, p + start, length, found)
            elif self._is_response:
                self._build(self._response, True, p + start, length, found)
            else:
                self.malformed += 1
                self._build(self._message, False, p + start, length, found)
        self._skipping = False
        self._offset += length
        self._start_message()
        return start + length

    cdef Verdict _advance(self, const char *p, Py_ssize_t n, Py_ssize_t *length) except *:
        """Read on, line by line, in the message at `p`; what was reached, and where."""
        cdef const char *newline
        cdef Py_ssize_t end
        cdef Slice line
        cdef bint crlf
        while True:
            newline = NULL
            if self._resume < n:
                newline = <const char *>memchr(p + self._resume, b"\n", n - self._resume)
            end = n if newline is NULL else newline + 1 - p
            length[0] = end
            if not self._skipping and end > min(self.max_message, self._line + self.max_line):
                return LINE_TOO_LONG if self._line + self.max_line < self.max_message else TOO_LARGE
            if newline is NULL:
                self._resume = n
                return MORE
            line.p = p + self._line
            line.n = newline - line.p
            crlf = line.n > 0 and line.p[line.n - 1] == b"\r"
            line.n -= crlf
            if self._crlf < 0:
                self._crlf = crlf
                if self._take_banner(line):
                    return IS_BANNER
            if self._ends_message(line):
                return WHOLE
            if self._lines == self.max_headers and not self._skipping:
                return TOO_MANY_LINES
            self._lines += 1
            self._line = self._resume = end
            self._previous_crlf = crlf
            self._note_header(p, line)

    cdef bint _take_banner(self, Slice line) except -1:
        """Asterisk's greeting, or at the start of a stream any line without a colon."""
        cdef bint at_start = self._at_start
        self._at_start = False
        if self._skipping:
            return False
        if not (line.n >= BANNER_LENGTH and memcmp(line.p, BANNER, BANNER_LENGTH) == 0):
            if not at_start or memchr(line.p, b":", line.n) is not NULL:
                return False
        self.banner = text(line)
        return True

    cdef bint _ends_message(self, Slice line) noexcept:
        if self._follows:
            return ends_in_marker(line)
        return line.n == 0 and (self._previous_crlf or self._crlf == 0)

    cdef void _note_header(self, const char *message, Slice line) noexcept:
        """Keep what tells the message's kind: Event, Response, or an old-style answer."""
        cdef const char *colon
        cdef Slice name
        cdef Slice value
        if self._follows or (self._skipping and line.n > LONGEST_SKIPPED_LINE):
            return
        colon = <const char *>memchr(line.p, b":", line.n)
        if colon is NULL:
            return
        name = trimmed(line.p, colon, False)
        if same(name, b"Event", 5):
            if not self._is_event:
                value = trimmed(colon + 1, line.p + line.n, True)
                self._is_event = True
                self._name_start = value.p - message
                self._name_size = value.n
        elif same(name, b"Response", 8):
            self._is_response = True
            value = trimmed(colon + 1, line.p + line.n, True)
            self._follows = not self._is_event and same(value, b"Follows", 7)

    cdef int _build_event(self, Slice name, const char *p, Py_ssize_t n, list found) except -1:
        cdef uint32_t at = ami_hash(name.p, name.n)
        cdef NameEntry *entry
        cdef PyObject *made
        while True:
            at = (at + 1) & self._table_mask
            entry = &self._table[at]
            if entry.cls is NULL:
                return self._build(self._event, False, p, n, found)
            if same(name, entry.p, entry.n):
                if entry.is_user_event and len(self._user_events):
                    return self._build_user_event(p, n, found)
                made = new_message(entry.cls, False, p, n)
                break
        return self._give(made, found)

    cdef int _build_user_event(self, const char *p, Py_ssize_t n, list found) except -1:
        """Build a UserEvent as the class that serves its header UserEvent."""
        cdef PyObject *made = new_message(<PyTypeObject *>MessageCore, False, p, n)
        cdef MessageCore message = <MessageCore>made    # its own reference, until the return
        cdef Slice sent_as
        cdef Slice called                               # borrowed from `message`
        Py_DECREF(made)
        cls = self._user_event
        if find(message, lines_of(message), USER_EVENT_NAMES, &sent_as, &called):
            cls = self._user_events.get(called.p[:called.n], cls)
        return self._build(cls, False, p, n, found)

    cdef int _build(
        self, cls, bint is_response, const char *p, Py_ssize_t n, list found
    ) except -1:
        cdef PyObject *made
        if cls is None:
            self.skipped += 1
            return 0
        made = new_message(<PyTypeObject *>cls, is_response, p, n)
        return self._give(made, found)

    cdef inline int _give(self, PyObject *made, list found) except -1:
        """Append the message, whose reference is taken over."""
        cdef int failed = PyList_Append(found, made)
        Py_DECREF(made)
        if failed:
            return failed
        self.messages += 1
        return 0

    cdef int _build_table(self) except -1:
        """Index the selection's names; again when a class was registered since."""
        # All that may fail comes before the table: at the interpreter's end _registry is gone.
        cdef list names = list(dict(self._names).items())
        cdef bytes user_event = <bytes>USER_EVENT_NAMES[0]
        cdef uint32_t size = 16
        cdef uint32_t at
        cdef NameEntry *table
        cdef bytes name
        while size < 2 * <uint32_t>len(names):
            size *= 2
        table = <NameEntry *>PyMem_Malloc(size * sizeof(NameEntry))
        if table is NULL:
            raise MemoryError
        memset(table, 0, size * sizeof(NameEntry))
        for name, cls in names:
            at = ami_hash(PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
            at = (at + 1) & (size - 1)
            while table[at].cls is not NULL:
                at = (at + 1) & (size - 1)
            table[at].p = PyBytes_AS_STRING(name)
            table[at].n = PyBytes_GET_SIZE(name)
            table[at].cls = <PyTypeObject *>cls
            table[at].is_user_event = name == user_event
        PyMem_Free(self._table)
        self._table = table
        self._table_mask = size - 1
        self._table_entries = len(names)
        self._name_keys = names
        return 0

    cdef int _skip_message(
        self, const char *p, Py_ssize_t n, list found, Verdict verdict
    ) except -1:
        """Report a too large message; its line in progress is where skipping begins."""
        cdef unsigned long long offset = self._offset
        self._rest = PyBytes_FromStringAndSize(p + self._line, n - self._line)
        self._offset += self._line
        self._pending_size = 0
        self._line = self._resume = 0
        self._skipping = True
        self.malformed += 1
        if verdict == TOO_LARGE:
            raise MessageTooLarge(offset, self.max_message, found)
        if verdict == LINE_TOO_LONG:
            raise MessageTooLarge(offset, self.max_line, found, "max_line")
        raise MessageTooLarge(offset, self.max_headers, found, "max_headers")

    cdef int _trim_skipped(self) except -1:
        """Of a message that is skipped keep the line in progress, and of a long one its end."""
        cdef Py_ssize_t kept = MARKER_LENGTH + 1
        cdef Py_ssize_t size = self._pending_size - self._line
        if not self._skipping:
            return 0
        memmove(self._pending, self._pending + self._line, size)
        self._offset += self._line
        self._line = 0
        if size > LONGEST_SKIPPED_LINE:
            self._offset += size - kept - LONGEST_SKIPPED_LINE
            memmove(self._pending + LONGEST_SKIPPED_LINE, self._pending + size - kept, kept)
            memset(self._pending, b"-", LONGEST_SKIPPED_LINE)
            size = kept + LONGEST_SKIPPED_LINE
        self._pending_size = size
        self._resume = size
        return 0


cdef inline Py_ssize_t skip_blank_lines(const char *p, Py_ssize_t n, Py_ssize_t at) noexcept nogil:
    while at < n:
        if p[at] == b"\n":
            at += 1
        elif p[at] == b"\r" and at + 1 < n and p[at + 1] == b"\n":
            at += 2
        else:
            break
    return at
