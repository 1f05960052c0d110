# Header: the typed header that an event class declares, a descriptor of its attribute.

cdef bint is_unfit(str name) except -1:
    """Whether no header on the wire can have the name."""
    return not name or name != name.strip(" \t") or ":" in name or "\n" in name


cdef tuple encoded(words):
    return tuple([(<str>word).encode() for word in words])


cdef class Header:
    """A typed header of an event class; the pure twin's Header has its documentation."""

    cdef readonly tuple names
    cdef readonly str kind
    cdef readonly object failure
    cdef readonly bint processed
    cdef readonly bint optional
    cdef readonly str key
    cdef readonly object members
    cdef public str attribute
    cdef dict _known                    # a member's plain value: the member
    cdef tuple _wire_names               # for messages: the names as bytes
    cdef tuple _true
    cdef tuple _false
    cdef tuple _unknown
    cdef bytes _unit
    cdef Kind _kind
    cdef Place[KNOWN_PLACES] _places    # by the shape's number; a newer shape replaces an older

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
        if not names or any([is_unfit(name) for name in names]):
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
        self._wire_names = encoded(names)
        self._true = encoded(true)
        self._false = encoded(false)
        self._unknown = encoded(unknown)
        self._unit = (<str>unit).encode()
        self._kind = KINDS[kind]

    def __set_name__(self, owner, name):
        self.attribute = name

    def __get__(self, message, owner):
        cdef Slice value        # borrowed from `message`
        if message is None:
            return self
        if not isinstance(message, MessageCore):
            raise TypeError(f"{self!r} reads messages, not {type(message).__name__}")
        if not find_declared(<MessageCore>message, self._wire_names, self._places, &value):
            return self.failure
        return self.read(value) if self.members is None else self.read_member(value)

    def coerce(self, bytes value not None):
        """The typed value of a header's bytes, or the failure value if they cannot be read."""
        return self.read(of_bytes(value))

    def __repr__(self):
        return f"<{self.kind} header {self.names[0]}>"

    cdef int _add_to(self, dict headers, bint found, Slice sent_as, Slice value) except -1:
        """Put the typed value where `process()` gives it; `found` is whether it was sent."""
        if not found:
            if not self.optional:
                headers[self.key] = self.failure
            return 0
        typed = self.read(value)
        headers[self.key] = typed
        if self.key == self.names[0] and not same(
            sent_as, PyBytes_AS_STRING(self._wire_names[0]), PyBytes_GET_SIZE(self._wire_names[0])
        ):
            headers[text(sent_as)] = typed
        return 0

    cdef object read_member(self, Slice s):
        """The enumeration's member for a plain value."""
        cdef object plain
        if self._unknown and among(s, self._unknown):
            return self.failure
        plain = text(s) if self._kind == TEXT else read_int(s)
        if plain is None:
            return self.failure
        known = self._known.get(plain)
        if known is not None:
            return known
        if s.n == 0:            # an empty value is missing, not an unknown member
            return self.failure
        try:
            return self.members(plain)
        except ValueError:      # an enumeration of the user's own, which takes no other values
            return self.failure

    cdef object read(self, Slice s):
        """The typed value, or the failure value if the bytes cannot be read."""
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
