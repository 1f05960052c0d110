# Shapes: the headers that events of one kind nearly always carry, in the same order.
#
# A shape is an order of header names that several events had, with a template: a dict of the names
# and of one event's short values. Half of the values are the same in the next event, so a copy of
# the template needs only the values that differ. A shape is found by an event's first line, else
# by its names; then its names are compared with the event's bytes.
#
# The caches forget. An order must be seen SIGHTINGS_TO_LEARN times before it is learned, so that
# a flood of orders costs little; what is learned replaces another shape. A Shape never changes,
# but for its counter and its template, which is replaced as a whole. Who uses a Shape or a Template
# holds a reference: allocating may trigger GC, and what runs then may replace both.

cdef enum:
    SHAPE_SLOTS = 512
    SLOTS_FOR_LARGE = 32    # of them, for the shapes of more than LARGE headers: they bound memory
    LARGE = 64
    SHAPE_PROBES = 4
    SIGHTING_SLOTS = 4096
    SIGHTINGS_TO_LEARN = 4
    LONGEST_TEMPLATE_TEXT = 64
    LONGEST_FIRST_LINE = 128
    SHAPE_RENEWAL = 64      # uses after which the template is made anew
    KNOWN_PLACES = 8
    NOWHERE = 0xFFFF

ctypedef struct ShapedLines:
    PyObject *shape         # NULL if the message was not found to have one, see `shape_of`
    Lines lines

ctypedef struct NameHashes:
    # The hashes of an event's names, so that looking for its shape and for its names hashes once.
    bint known
    uint32_t of_line[LONGEST_SHAPE]

# Where a declared header stands in the events of a shape: the shape's number, and in the lowest
# 16 bits the line or NOWHERE. It is read and written as a whole. 0 is no place.
ctypedef uint64_t Place


@cython.final
@cython.no_gc
cdef class Template:
    """Texts of one event of a shape. It never changes."""

    cdef dict texts             # has every name
    cdef PyObject **values      # owned array of borrowed ASCII texts; NULL: it differs each time

    def __dealloc__(self):
        PyMem_Free(self.values)


@cython.final
@cython.no_gc
cdef class Shape:
    """An order of header names."""

    cdef uint64_t number        # no other shape of the process had it
    cdef uint32_t count
    cdef uint32_t uses
    cdef bint repeats           # a name stands in it twice
    cdef list names             # ASCII, interned
    cdef Template template


cdef PyObject *shape_slots[SHAPE_SLOTS]         # owned Shapes, by the hash of their names
cdef uint32_t shape_hashes[SHAPE_SLOTS]         # of the names of the shape in the slot
cdef PyObject *expected_shapes[SHAPE_SLOTS]     # owned Shapes, by the hash of an event's first line
cdef uint32_t sightings[SIGHTING_SLOTS]         # see `was_seen_often`
cdef uint64_t shapes_learned = 0


cdef inline PyObject *shape_name(Shape shape, uint32_t i) noexcept:
    """The name of line `i`, borrowed from the shape."""
    return PyList_GET_ITEM(shape.names, i)


cdef inline int publish_shape(PyObject **slot, Shape shape) except -1:
    """Put the shape in place of the one in the slot, which is freed last."""
    cdef PyObject *before = slot[0]
    if before != <PyObject *>shape:
        Py_INCREF(shape)
        slot[0] = <PyObject *>shape
        if before is not NULL:
            Py_DECREF(before)
    return 0


cdef bint split_as_before(
    const char *frame, uint32_t size, ShapedLines *shaped, size_t room
) except -1:
    """Fill `shaped` if an event has the shape of the last one with the same first line.

    The shape is borrowed: it may be freed as soon as Python objects are made.
    """
    cdef uint32_t feeds[LONGEST_SHAPE + 1]
    cdef size_t count = ami_find_feeds(<const uint8_t *>frame, size, feeds, LONGEST_SHAPE + 1)
    cdef Lines *lines = &shaped.lines
    cdef uint32_t start = 0
    cdef uint32_t colon
    cdef uint32_t i
    cdef PyObject *expected
    cdef PyObject *name
    cdef Shape shape
    if not 1 < count <= LONGEST_SHAPE or count > room or feeds[0] > LONGEST_FIRST_LINE:
        return False
    # The last line must be the blank one that ends the message, and end in CRLF.
    if feeds[count - 1] + 1 != size or feeds[count - 1] - feeds[count - 2] != 2:
        return False
    expected = expected_shapes[slot_of(ami_hash(frame, feeds[0]), <uint32_t>count - 1)]
    if expected is NULL:
        return False
    shape = <Shape>expected
    if shape.count != count - 1 or frame[size - 2] != b"\r":
        return False
    for i in range(shape.count):
        name = shape_name(shape, i)
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
    shaped.shape = expected
    return True


cdef inline uint32_t slot_of(uint32_t hash, uint32_t count) noexcept nogil:
    """The slot for a shape of `count` headers."""
    return hash & ((SHAPE_SLOTS if count <= LARGE else SLOTS_FOR_LARGE) - 1)


cdef Shape shape_of(const char *frame, ShapedLines *shaped, NameHashes *hashes):
    """The shape of an event's headers; None if it has none that is known.

    `hashes` is filled if it has none and its names are usual.
    """
    cdef uint32_t hash
    cdef Shape shape
    hashes.known = False
    if shaped.shape is not NULL:
        return <Shape>shaped.shape
    shape = find_shape(frame, &shaped.lines, hashes)
    if shape is not None and shaped.lines.line[1].start <= LONGEST_FIRST_LINE:
        hash = ami_hash(frame, shaped.lines.line[1].start - 1)
        publish_shape(&expected_shapes[slot_of(hash, shape.count)], shape)
    return shape


cdef Shape find_shape(const char *frame, Lines *lines, NameHashes *hashes):
    """The shape with the same names; None if there is none."""
    cdef uint32_t hash
    cdef uint32_t at
    cdef uint32_t probe
    cdef Shape shape
    if not 0 < lines.count <= LONGEST_SHAPE or not hash_names(frame, lines, hashes, &hash):
        return None
    for probe in range(SHAPE_PROBES):
        at = slot_of(hash + probe, lines.count)
        if shape_hashes[at] == hash and shape_slots[at] is not NULL:
            shape = <Shape>shape_slots[at]
            if has_shape(frame, lines, shape):
                return shape
    if not was_seen_often(hash):
        return None
    shape = new_shape(frame, lines)
    if shape is not None:
        # Of the shapes that may stand here, another one is replaced each time.
        at = slot_of(hash + <uint32_t>(shape.number % SHAPE_PROBES), shape.count)
        publish_shape(&shape_slots[at], shape)
        shape_hashes[at] = hash
    return shape


cdef bint hash_names(
    const char *frame, Lines *lines, NameHashes *hashes, uint32_t *hash
) noexcept nogil:
    """Hash each name, and all in their order. False if there are stray lines or unusual names."""
    cdef uint64_t mixed = lines.count
    cdef uint32_t i
    cdef Slice name
    for i in range(lines.count):
        if lines.line[i].colon == AMI_NO_COLON:
            return False
        name = line_name(frame, lines, i)
        if name.n != lines.line[i].colon - lines.line[i].start or name.n > LONGEST_CACHED_NAME:
            return False
        hashes.of_line[i] = ami_hash(name.p, name.n)
        mixed = ami_fold(mixed ^ hashes.of_line[i], ami_keys[1])
    hashes.known = True
    hash[0] = <uint32_t>(mixed ^ mixed >> 32)
    return True


cdef bint was_seen_often(uint32_t hash) noexcept:
    """Count a sighting of these names, and tell whether they were seen often enough.

    A slot has the upper bits of the last names' hash, and in the lowest bits their sightings.
    """
    cdef uint32_t *slot = &sightings[hash & (SIGHTING_SLOTS - 1)]
    if (slot[0] ^ hash) >= SIGHTINGS_TO_LEARN:
        slot[0] = hash & ~<uint32_t>(SIGHTINGS_TO_LEARN - 1)
    slot[0] += 1
    if slot[0] % SIGHTINGS_TO_LEARN:
        return False
    slot[0] = 0
    return True


cdef bint has_shape(const char *frame, Lines *lines, Shape shape) except -1:
    cdef uint32_t i
    cdef uint32_t size
    cdef PyObject *name
    if shape.count != lines.count:
        return False
    for i in range(shape.count):
        name = shape_name(shape, i)
        size = lines.line[i].colon - lines.line[i].start
        if size != <uint32_t>PyUnicode_GET_LENGTH(name):
            return False
        if not ami_same(frame + lines.line[i].start, PyUnicode_DATA(name), size):
            return False
    return True


cdef Shape new_shape(const char *frame, Lines *lines):
    """A shape with the event's names; None if one is not ASCII."""
    global shapes_learned
    cdef list names = []
    cdef Shape shape
    cdef uint32_t i
    for i in range(lines.count):
        name = name_text(line_name(frame, lines, i))
        if not PyUnicode_IS_ASCII(<PyObject *>name):
            return None
        names.append(name)
    shape = Shape.__new__(Shape)
    shapes_learned += 1
    shape.number = shapes_learned
    shape.count = lines.count
    shape.names = names
    shape.template = new_template(shape, dict.fromkeys(names))
    shape.repeats = len(shape.template.texts) != len(names)
    return shape


cdef Template new_template(Shape shape, dict texts):
    """A template of `texts`, which becomes its own, without the texts that are long or missing."""
    cdef Template made = Template.__new__(Template)
    cdef uint32_t i
    cdef PyObject *name
    cdef PyObject *value
    made.values = <PyObject **>PyMem_Malloc(shape.count * sizeof(PyObject *))
    if made.values is NULL:
        raise MemoryError
    for i in range(shape.count):
        name = shape_name(shape, i)
        value = PyDict_GetItemWithError(texts, <object>name)
        made.values[i] = NULL
        if value == <PyObject *>None:
            continue
        if PyUnicode_IS_ASCII(value) and PyUnicode_GET_LENGTH(value) <= LONGEST_TEMPLATE_TEXT:
            made.values[i] = value
        else:
            PyDict_SetItem(texts, <object>name, None)
    made.texts = texts
    return made


cdef dict shaped_texts(const char *frame, uint32_t size, Lines *lines, Shape shape):
    """The last text of each name of an event that has the shape."""
    cdef bint ascii = ami_is_ascii(frame, size)
    cdef Template template = shape.template
    cdef dict found = PyDict_Copy(template.texts)
    cdef PyObject *known
    cdef Slice value
    cdef uint32_t i
    for i in range(shape.count):
        known = template.values[i]
        value = line_value(frame, lines, i)
        if known is not NULL and PyUnicode_GET_LENGTH(known) == value.n:
            if ami_same(PyUnicode_DATA(known), value.p, value.n):
                continue
        PyDict_SetItem(
            found, <object>shape_name(shape, i), ascii_text(value) if ascii else text(value)
        )
    shape.uses += 1
    if shape.uses % SHAPE_RENEWAL == 1 and not shape.repeats:
        # `template` holds the old one until it is replaced.
        shape.template = new_template(shape, PyDict_Copy(found))
    return found


cdef inline Place *place_in(Place *places, Shape shape) noexcept nogil:
    """The entry of a header's KNOWN_PLACES for a shape. It may still hold another shape."""
    return &places[shape.number % KNOWN_PLACES]
