# Shapes: the headers that events of one kind nearly always carry, in the same order.
#
# A shape is an order of header names that an earlier event had, with a template: a dict of the
# names and of that event's short values. Half of the values are the same in the next event, so a
# copy of the template needs only the values that differ. A shape is found by the lengths of an
# event's names, then its names are compared with the event's bytes. Shapes are never freed.

cdef enum:
    SHAPE_SLOTS = 1024
    SHAPE_PROBES = 4
    LONGEST_TEMPLATE_TEXT = 64
    SHAPE_RENEWAL = 64      # uses after which the template is made anew
    KNOWN_PLACES = 8
    NOWHERE = 0xFFFFFFFF

ctypedef struct Entry:
    PyObject *name          # owned, ASCII
    PyObject *value         # borrowed from the template, ASCII; NULL: differs each time

ctypedef struct Shape:
    uint32_t count
    uint32_t uses
    bint repeats            # a name stands in it twice
    PyObject *template      # owned
    Entry entries[1]        # count of them

ctypedef struct ShapedLines:
    Shape *shape            # borrowed; NULL if the message was not found to have one
    Lines lines

ctypedef struct Place:
    # Where a declared header stands in the events of a shape: a line, or NOWHERE.
    const void *shape
    uint32_t line

cdef Shape *shape_slots[SHAPE_SLOTS]
cdef Shape *expected_shapes[SHAPE_SLOTS]    # by the hash of a message's first line


cdef bint split_as_before(
    const char *frame, uint32_t size, ShapedLines *shaped, size_t room
) noexcept nogil:
    """Fill `shaped` if an event has the shape of the last one with the same first line."""
    cdef uint32_t feeds[LONGEST_SHAPE + 1]
    cdef size_t count = ami_find_feeds(<const uint8_t *>frame, size, feeds, LONGEST_SHAPE + 1)
    cdef Lines *lines = &shaped.lines
    cdef uint32_t start = 0
    cdef uint32_t colon
    cdef uint32_t i
    cdef Shape *shape
    cdef PyObject *name
    if not 1 < count <= LONGEST_SHAPE or count > room:
        return False
    # The last line must be the blank one that ends the message, and end in CRLF.
    if feeds[count - 1] + 1 != size or feeds[count - 1] - feeds[count - 2] != 2:
        return False
    shape = <Shape *>ami_published(<void **>&expected_shapes[first_line_hash(frame, feeds[0])])
    if shape is NULL or shape.count != count - 1 or frame[size - 2] != b"\r":
        return False
    for i in range(shape.count):
        name = shape.entries[i].name
        colon = start + <uint32_t>PyUnicode_GET_LENGTH(name)
        # A name that does not end before the line's LF is another name: no byte past LF is read.
        if colon >= feeds[i] or frame[colon] != b":":
            return False
        if not ami_same(frame + start, PyUnicode_DATA(name), colon - start):
            return False
        lines.line[i].start = start
        lines.line[i].colon = colon
        start = feeds[i] + 1
    lines.line[shape.count].start = start
    lines.line[shape.count].colon = AMI_NO_COLON
    lines.count = lines.output = shape.count
    shaped.shape = shape
    return True


cdef inline uint32_t first_line_hash(const char *frame, uint32_t size) noexcept nogil:
    return ami_hash(frame, size) & (SHAPE_SLOTS - 1)


cdef Shape *shape_of(const char *frame, ShapedLines *shaped) except? NULL:
    """The shape of an event's headers; NULL if it has none or there is no room for it."""
    cdef Shape *shape = shaped.shape
    if shape is NULL:
        shape = find_shape(frame, &shaped.lines)
        if shape is not NULL:
            expected_shapes[first_line_hash(frame, shaped.lines.line[1].start - 1)] = shape
    return shape


cdef Shape *find_shape(const char *frame, Lines *lines) except? NULL:
    """The shape with the same names, made and kept if it is new; NULL if there is none."""
    cdef uint32_t count = lines.output
    cdef uint32_t at = count
    cdef uint32_t i
    cdef int probe
    cdef Shape **slot
    cdef Shape *shape
    if not 0 < count <= LONGEST_SHAPE:
        return NULL
    for i in range(count):
        at = at * 31 + (lines.line[i].colon - lines.line[i].start)
    for probe in range(SHAPE_PROBES):
        at = (at ^ at >> 10) + 1
        slot = &shape_slots[at & (SHAPE_SLOTS - 1)]
        shape = <Shape *>ami_published(<void **>slot)
        if shape is NULL:
            return learn_shape(frame, lines, slot)
        if has_shape(frame, lines, shape):
            return shape
    return NULL


cdef bint has_shape(const char *frame, Lines *lines, Shape *shape) noexcept nogil:
    cdef uint32_t i
    cdef uint32_t size
    cdef PyObject *name
    if shape.count != lines.count:
        return False
    for i in range(shape.count):
        name = shape.entries[i].name
        size = lines.line[i].colon - lines.line[i].start
        if size != <uint32_t>PyUnicode_GET_LENGTH(name):
            return False
        if not ami_same(frame + lines.line[i].start, PyUnicode_DATA(name), size):
            return False
    return True


cdef Shape *learn_shape(const char *frame, Lines *lines, Shape **slot) except? NULL:
    """Publish a shape in an empty slot; NULL if the event has stray lines or unusual names."""
    cdef list names = []
    cdef dict template
    cdef Slice name
    cdef uint32_t i
    cdef Shape *shape
    for i in range(lines.count):
        if lines.line[i].colon == AMI_NO_COLON:
            return NULL
        name = line_name(frame, lines, i)
        if name.n != lines.line[i].colon - lines.line[i].start or name.n > LONGEST_CACHED_NAME:
            return NULL
        names.append(name_text(name))
        if not PyUnicode_IS_ASCII(<PyObject *>names[i]):
            return NULL
    template = dict.fromkeys(names)
    shape = <Shape *>PyMem_Malloc(sizeof(Shape) + lines.count * sizeof(Entry))
    if shape is NULL:
        raise MemoryError
    shape.count = lines.count
    shape.uses = 0
    shape.repeats = len(template) != len(names)
    shape.template = <PyObject *>template
    for i in range(lines.count):
        shape.entries[i].name = <PyObject *>names[i]
        shape.entries[i].value = NULL
    if not ami_publish(<void **>slot, shape):
        PyMem_Free(shape)
        return NULL
    Py_INCREF(template)
    for one in names:
        Py_INCREF(one)
    return shape


cdef int renew_template(Shape *shape, dict found) except -1:
    """Make the shape's template a copy of `found` without its long values."""
    cdef uint32_t i
    cdef Entry *entry
    cdef PyObject *value
    cdef PyObject *before
    if shape.repeats:
        return 0
    template = PyDict_Copy(found)
    # Copying may trigger GC, which can re-enter this function; the lines below cannot.
    before = shape.template
    for i in range(shape.count):
        entry = &shape.entries[i]
        value = PyDict_GetItemWithError(template, <object>entry.name)
        entry.value = NULL
        if PyUnicode_IS_ASCII(value) and PyUnicode_GET_LENGTH(value) <= LONGEST_TEMPLATE_TEXT:
            entry.value = value
        else:
            PyDict_SetItem(template, <object>entry.name, None)
    Py_INCREF(template)
    shape.template = <PyObject *>template
    Py_DECREF(before)
    return 0


cdef dict shaped_texts(const char *frame, uint32_t size, Lines *lines, Shape *shape):
    """The last text of each name of an event that has the shape."""
    cdef bint ascii = ami_is_ascii(frame, size)
    cdef object template = <object>shape.template
    cdef dict found = PyDict_Copy(template)
    # Copying may trigger GC, which can replace the template and free the values of the entries.
    # Entries are then ignored: only the template that was copied is known to hold their values.
    cdef bint copied = shape.template == <PyObject *>template
    cdef Entry *entry
    cdef Slice value
    cdef uint32_t i
    for i in range(shape.count):
        entry = &shape.entries[i]
        value = line_value(frame, lines, i)
        if copied and entry.value is not NULL and PyUnicode_GET_LENGTH(entry.value) == value.n:
            if ami_same(PyUnicode_DATA(entry.value), value.p, value.n):
                continue
        PyDict_SetItem(found, <object>entry.name, ascii_text(value) if ascii else text(value))
    shape.uses += 1
    if shape.uses % SHAPE_RENEWAL == 1:
        renew_template(shape, found)
    return found


cdef inline Place *place_in(Place *places, Shape *shape) noexcept nogil:
    """The entry of a header's KNOWN_PLACES for a shape. It may still hold another shape."""
    return &places[(<size_t>shape >> 4) % KNOWN_PLACES]
