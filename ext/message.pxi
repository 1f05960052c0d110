# MessageCore: one message's own bytes, and what is read off them when it is asked for.

cdef enum:
    MOST_LINES_ON_STACK = LONGEST_SHAPE
    MOST_PRESIZED = 4096    # names that a dict has room for at first; the names may be the same

ctypedef struct StackLines:
    # Room for the lines of nearly every message, for as long as one call.
    ShapedLines shaped
    ami_line more[MOST_LINES_ON_STACK]


@cython.no_gc
cdef class MessageCore:
    """One message's own bytes, and what is read off them when it is asked for.

    A parser makes messages, and so does the constructor, from the bytes of one message.
    """

    cdef const char *buffer     # owned: a PyMem block
    cdef uint32_t size
    cdef bint is_response       # only a Response may be an old-style answer
    cdef ShapedLines *lines     # owned, with its shape; NULL until the first header is asked for

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
        if self.lines is not NULL:
            free_lines(self.lines)
        PyMem_Free(<void *>self.buffer)

    def __reduce__(self):
        """The class and the bytes, from which every protocol makes the message anew."""
        return copyreg.__newobj__, (type(self), self.raw), self.__getstate__()

    def __getstate__(self):
        """What a subclass added; the bytes are the constructor's argument."""
        added = {
            name: getattr(self, name)
            for name in copyreg._slotnames(type(self))
            if hasattr(self, name)
        }
        own = getattr(self, "__dict__", None)
        return (own, added) if own or added else None

    def __sizeof__(self):
        """The object's own bytes, with those of its message and of its lines."""
        cdef ShapedLines *kept = <ShapedLines *>ami_published(<void **>&self.lines)
        cdef size_t size = Py_TYPE(self).tp_basicsize + self.size
        return size + (shaped_lines_size(kept.lines.count) if kept is not NULL else 0)

    @property
    def raw_size(self):
        """How many bytes `raw` has."""
        return self.size

    @property
    def raw(self):
        """The message's bytes as they came, with their terminator."""
        return PyBytes_FromStringAndSize(self.buffer, self.size)

    @property
    def name(self):
        """The event's name, or the word of a Response header, as `Success`; None without either."""
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
        """The lines that are not headers: stray lines, or a Command's output in either style."""
        cdef StackLines spare
        return data_lines(self.buffer, &lines_once(self, &spare).lines, self.is_response)

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
        if ignore_case and find(
            self.buffer, &lines_of(self).lines, (encoded_name(name),), &sent_as, &value
        ):
            return text(value)
        return default

    def get_all(self, name):
        """The raw texts of every header called `name`, in the order they were sent."""
        cdef Lines *lines = &lines_of(self).lines
        cdef bytes wanted = encoded_name(name)
        cdef Slice one
        cdef uint32_t i
        cdef list found = []
        for i in range(lines.output):
            let_signals_through(i)
            if lines.line[i].colon != AMI_NO_COLON:
                one = line_name(self.buffer, lines, i)
                if same(one, PyBytes_AS_STRING(wanted), PyBytes_GET_SIZE(wanted)):
                    found.append(text(line_value(self.buffer, lines, i)))
        return found

    def __contains__(self, name):
        cdef Slice value
        return isinstance(name, str) and find_named(self, name, &value)

    def __iter__(self):
        return iter(texts_of(self))

    def __len__(self):
        return len(texts_of(self))

    def __bool__(self):
        return True

    def keys(self):
        """The distinct header names, in the order they were first sent."""
        return texts_of(self).keys()

    def values(self):
        """The raw text of each name's last header."""
        return texts_of(self).values()

    def items(self):
        """Pairs of name and raw text of its last header."""
        return texts_of(self).items()

    def process(self):
        """Headers and data lines; a header whose class states a failure value is typed."""
        cdef StackLines spare
        cdef ShapedLines *shaped = lines_once(self, &spare)
        cdef Lines *lines = &shaped.lines
        cdef dict headers = texts(self, shaped)
        cdef Slice sent_as
        cdef Slice value
        cdef Header header
        cdef bint found
        for declared in <tuple>type(self)._processed:
            header = <Header>declared
            if lines.count >= CHECK_EVERY:
                PyErr_CheckSignals()
            found = find(self.buffer, lines, header._wire_names, &sent_as, &value)
            header._add_to(headers, found, sent_as, value)
        return headers, data_lines(self.buffer, lines, self.is_response)

    def to_dict(self, bint typed=False):
        """Every header's text, a list if it is repeated; `typed` gives typed values if declared."""
        return every_header(self, typed)

    def __richcmp__(self, other, int op):
        cdef bint equal
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
        """The typed header that the class declares for a name on the wire, in any case."""
        return cls._headers.get(name) or cls._headers.get(name.lower())


cdef PyObject *new_message(
    PyTypeObject *cls, bint is_response, const char *p, size_t n
) except NULL:
    """A new reference to a message of `cls` that owns a copy of the n bytes at `p`."""
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
    (<MessageCore><void *>made).lines = NULL
    return made


cdef inline size_t shaped_lines_size(size_t count) noexcept nogil:
    """The bytes of a ShapedLines with so many lines and the entry after the last."""
    return sizeof(ShapedLines) + count * sizeof(ami_line)


cdef void free_lines(ShapedLines *lines) noexcept:
    cdef PyObject *shape = lines.shape
    PyMem_Free(lines)
    if shape is not NULL:
        Py_DECREF(shape)


cdef ShapedLines *lines_of(MessageCore message) except NULL:
    """The message's lines, split and kept at the first call. If threads race, one of them wins."""
    cdef StackLines spare
    cdef NameHashes hashes
    cdef size_t count
    cdef Shape shape = None
    cdef ShapedLines *kept = <ShapedLines *>ami_published(<void **>&message.lines)
    if kept is not NULL:
        return kept
    count = split_message(message, &spare.shaped, MOST_LINES_ON_STACK)
    if count <= MOST_LINES_ON_STACK:
        shape = shape_of_message(message, &spare.shaped, &hashes)
        spare.shaped.shape = NULL
        count = spare.shaped.lines.count
    kept = <ShapedLines *>PyMem_Malloc(shaped_lines_size(count))
    if kept is NULL:
        raise MemoryError
    if count <= MOST_LINES_ON_STACK:
        memcpy(kept, &spare.shaped, shaped_lines_size(count))
    else:
        split_message(message, kept, count)
    if shape is not None:
        Py_INCREF(shape)
        kept.shape = <PyObject *>shape
    if ami_publish(<void **>&message.lines, kept):
        return kept
    free_lines(kept)
    return <ShapedLines *>ami_published(<void **>&message.lines)


cdef ShapedLines *lines_once(MessageCore message, StackLines *spare) except NULL:
    """The message's lines if they are kept, else in `spare`: for one reading of every line.

    In `spare` the shape is borrowed: it may be freed as soon as Python objects are made.
    """
    cdef ShapedLines *kept = <ShapedLines *>ami_published(<void **>&message.lines)
    if kept is not NULL:
        return kept
    if split_message(message, &spare.shaped, MOST_LINES_ON_STACK) <= MOST_LINES_ON_STACK:
        return &spare.shaped
    return lines_of(message)


cdef size_t split_message(MessageCore message, ShapedLines *shaped, size_t room) except? 0:
    """Fill `shaped`, which has room for `room` lines and the end. Return the number of lines.

    The shapes are asked first, as nearly every event has the shape of an earlier one.
    """
    if not message.is_response and split_as_before(message.buffer, message.size, shaped, room):
        return shaped.lines.count
    shaped.shape = NULL
    return split_lines(message.buffer, message.size, message.is_response, &shaped.lines, room)


cdef inline Shape shape_of_message(
    MessageCore message, ShapedLines *shaped, NameHashes *hashes
):
    """The message's shape; None if it has none. A response never has one."""
    if message.is_response:
        hashes.known = False
        return None
    return shape_of(message.buffer, shaped, hashes)


cdef inline object header_name(
    const char *frame, Lines *lines, uint32_t i, NameHashes *hashes
):
    """The str of the name of header line `i`."""
    cdef Slice name = line_name(frame, lines, i)
    return hashed_name(name, hashes.of_line[i]) if hashes.known else name_text(name)


cdef bint find_declared(
    MessageCore message, tuple names, Place *places, Slice *value
) except -1:
    """The value of the first of a declared header's names that was sent; False if none was.

    `places` is the header's memory of the lines where it stood in events of a shape.
    """
    cdef ShapedLines *shaped = lines_of(message)
    cdef Lines *lines = &shaped.lines
    cdef Slice sent_as
    cdef Shape shape
    cdef Place *entry
    cdef Place place
    cdef uint32_t line
    if shaped.shape is NULL:
        return find(message.buffer, lines, names, &sent_as, value)
    shape = <Shape>shaped.shape
    entry = place_in(places, shape)
    place = entry[0]
    if place >> 16 != shape.number:
        line = NOWHERE
        if find(message.buffer, lines, names, &sent_as, value):
            line = line_of(message.buffer, lines, value[0])
        entry[0] = place = shape.number << 16 | line
    line = place & NOWHERE
    if line == NOWHERE:
        return False
    value[0] = line_value(message.buffer, lines, line)
    return True


cdef bint event_name(MessageCore message, Slice *value) except -1:
    """The value of the first Event header; False if there is none."""
    cdef Lines *lines
    cdef const char *end
    cdef uint32_t i
    if message.size >= 6 and memcmp(message.buffer, b"Event:", 6) == 0:
        end = <const char *>memchr(message.buffer, b"\n", message.size)
        if end is NULL:
            end = message.buffer + message.size
        value[0] = trimmed(message.buffer + 6, end, True)
        return True
    lines = &lines_of(message).lines
    for i in range(lines.output):
        if lines.line[i].colon != AMI_NO_COLON:
            if same(line_name(message.buffer, lines, i), b"Event", 5):
                value[0] = line_value(message.buffer, lines, i)
                return True
    return False


cdef bint find_named(MessageCore message, name, Slice *value) except -1:
    """The value of the last header called `name`. An ASCII name is read in place, not encoded."""
    cdef Slice wanted       # borrowed from `name` or `encoded`
    cdef Slice sent_as
    cdef Lines *lines
    if isinstance(name, str) and PyUnicode_IS_ASCII(<PyObject *>name):
        wanted.p = PyUnicode_DATA(<PyObject *>name)
        wanted.n = PyUnicode_GET_LENGTH(<PyObject *>name)
    else:
        encoded = encoded_name(name)
        wanted = of_bytes(encoded)
    lines = &lines_of(message).lines
    return find_exact(message.buffer, lines, wanted, value) or find_loosely(
        message.buffer, lines, wanted, False, &sent_as, value
    )


cdef dict texts_of(MessageCore message):
    cdef StackLines spare
    return texts(message, lines_once(message, &spare))


cdef dict texts(MessageCore message, ShapedLines *shaped):
    """The last text of each name; a header sent without spaces around its name comes first."""
    cdef const char *frame = message.buffer
    cdef Lines *lines = &shaped.lines
    cdef dict found
    cdef Slice name
    cdef Slice value
    cdef uint32_t i
    cdef bint spaced = False
    cdef bint ascii
    cdef NameHashes hashes
    cdef Shape shape = shape_of_message(message, shaped, &hashes)
    if shape is not None:
        return shaped_texts(frame, message.size, lines, shape)
    ascii = ami_is_ascii(frame, message.size)
    found = ami_new_dict(min(lines.output, MOST_PRESIZED))
    for i in range(lines.output):
        let_signals_through(i)
        if lines.line[i].colon == AMI_NO_COLON:
            continue
        name = line_name(frame, lines, i)
        if name.n != lines.line[i].colon - lines.line[i].start:
            spaced = True
        value = line_value(frame, lines, i)
        PyDict_SetItem(
            found,
            header_name(frame, lines, i, &hashes),
            ascii_text(value) if ascii else text(value),
        )
    if spaced:
        for i in range(lines.output):
            if lines.line[i].colon != AMI_NO_COLON:
                name = line_name(frame, lines, i)
                if name.n == lines.line[i].colon - lines.line[i].start:
                    found[name_text(name)] = text(line_value(frame, lines, i))
    return found


cdef dict every_header(MessageCore message, bint typed):
    """Every header's text or typed value; a list of them if the header is repeated."""
    cdef StackLines spare
    cdef ShapedLines *shaped = lines_once(message, &spare)
    cdef const char *frame = message.buffer
    cdef Lines *lines = &shaped.lines
    cdef dict found
    cdef set repeated = None
    cdef PyObject *before
    cdef Slice value
    cdef uint32_t i
    cdef bint ascii
    cdef NameHashes hashes
    cdef Shape shape = shape_of_message(message, shaped, &hashes)
    if shape is not None and not typed and not shape.repeats:
        return shaped_texts(frame, message.size, lines, shape)
    ascii = ami_is_ascii(frame, message.size)
    found = ami_new_dict(min(lines.output, MOST_PRESIZED))
    for i in range(lines.output):
        let_signals_through(i)
        if lines.line[i].colon == AMI_NO_COLON:
            continue
        if shape is None:
            name = header_name(frame, lines, i, &hashes)
        else:
            name = <object>shape_name(shape, i)
        value = line_value(frame, lines, i)
        header = type(message)._declared(name) if typed else None
        if header is not None:
            one = (<Header>header).read(value)
        else:
            one = ascii_text(value) if ascii else text(value)
        count = len(found)
        before = PyDict_SetDefault(found, name, one)
        if len(found) != count:
            continue
        if repeated is not None and name in repeated:
            (<list>before).append(one)
        else:
            if repeated is None:
                repeated = set()
            repeated.add(name)
            found[name] = [<object>before, one]
    return found
