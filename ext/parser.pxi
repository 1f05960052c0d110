# Parser: cuts the stream into messages, whichever way it is cut into chunks.

cdef tuple USER_EVENT_NAMES = (_wire.USER_EVENT,)

cdef enum Verdict:
    MORE
    WHOLE
    IS_BANNER
    TOO_LARGE
    LINE_TOO_LONG
    TOO_MANY_LINES

ctypedef struct NameEntry:
    # Borrowed from the parser's selection, which it keeps alive. An entry without a class is the
    # name of events to skip; one without `p` is free.
    const char *p
    Py_ssize_t n
    PyTypeObject *cls
    bint is_user_event


@cython.final
@cython.no_gc_clear
cdef class Parser:
    """Splits a stream into messages; the stream may be cut into chunks anywhere.

    only: the event classes and event names to build; Event, Response or Message itself stands for
        all messages of its kind. In a name, `*` stands for any bytes and `?` for one byte. The
        parser skips and counts the rest without building it. None builds everything.
    max_message: the most bytes of a message, its terminator included.
    max_line: the most bytes of a line, its line end included.
    max_headers: the most lines of a message: its headers, repeated ones too, and its output.
    keep_action_ids: a prefix. Events and responses whose ActionID begins with it are built too,
        whatever `only` says, and counted in `kept`; "" keeps none.
    """

    cdef public object banner
    cdef public unsigned long long messages
    cdef public unsigned long long bytes
    cdef public unsigned long long malformed
    cdef public unsigned long long skipped
    cdef public unsigned long long kept
    cdef readonly Py_ssize_t max_message
    cdef readonly Py_ssize_t max_line
    cdef readonly Py_ssize_t max_headers

    cdef object _only
    cdef bytes _kept_action_ids
    cdef bint _may_keep                 # whether the bytes at hand contain its first character
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
    cdef object _patterns               # decides about the names that _names does not have
    cdef bint _skips_rest               # whether events whose names it does not have are skipped

    cdef long _busy
    cdef char *_pending                 # owned: the message that is not whole yet
    cdef Py_ssize_t _pending_size
    cdef Py_ssize_t _pending_room
    cdef object _chunks                 # after an error: copies of chunks that are not read
    cdef Py_ssize_t _position           # in the first of them, from where it is to be read
    cdef unsigned long long _stream_size        # the bytes that were fed
    cdef unsigned long long _offset     # of the pending message, in the stream
    cdef bint _at_start
    cdef bint _skipping

    # Of the message in progress; the offsets are relative to its start.
    cdef Py_ssize_t _line_start         # of the line that is not whole yet
    cdef Py_ssize_t _line_count         # of the lines that are whole
    cdef Py_ssize_t _search_from        # for the end of that line
    cdef int _first_line_crlf           # -1 until it is whole
    cdef bint _previous_crlf
    cdef bint _follows
    cdef bint _is_event
    cdef bint _is_response
    cdef Py_ssize_t _name_start
    cdef Py_ssize_t _name_size

    def __init__(
        self,
        only=None,
        max_message=_wire.MAX_MESSAGE,
        max_line=_wire.MAX_LINE,
        max_headers=_wire.MAX_HEADERS,
        keep_action_ids="",
    ):
        if not ami_enter(&self._busy):
            raise ParserInUse
        try:
            self._set_up(only, max_message, max_line, max_headers, keep_action_ids)
        finally:
            ami_leave(&self._busy)

    cdef int _set_up(
        self, only, max_message, max_line, max_headers, keep_action_ids
    ) except -1:
        self._kept_action_ids = _wire.checked_prefix(keep_action_ids)
        self.max_message = _wire.checked_bound("max_message", max_message, "bytes")
        self.max_line = _wire.checked_bound("max_line", max_line, "bytes")
        self.max_headers = _wire.checked_bound("max_headers", max_headers, "lines")
        self._set_selection(only)
        self.messages = self.bytes = self.malformed = self.skipped = self.kept = 0
        self.banner = None
        self._start_stream()
        return 0

    cdef int _set_selection(self, only) except -1:
        only = _registry.frozen(only)
        (
            self._names,
            self._user_events,
            self._user_event,
            self._event,
            self._response,
            self._message,
            self._patterns,
        ) = _registry.select(only)
        self._skips_rest = self._event is None and self._patterns is None
        self._only = only
        self._table_entries = -1
        return 0

    @property
    def only(self):
        """What the parser builds. Setting it applies to each message that is not given yet.

        ParserInUse if another thread is at work in the parser.
        """
        return self._only

    @only.setter
    def only(self, only):
        if not ami_enter(&self._busy):
            raise ParserInUse
        try:
            self._set_selection(only)
        finally:
            ami_leave(&self._busy)

    @property
    def keep_action_ids(self):
        return self._kept_action_ids.decode()

    def __dealloc__(self):
        PyMem_Free(self._table)
        PyMem_Free(self._pending)

    def feed(self, data):
        """The messages that `data` completes.

        TypeError if `data` is not bytes-like, MessageTooLarge if a message passes a bound,
        ParserInUse if two calls overlap. No bytes raise anything else. After MessageTooLarge the
        rest of the chunk waits for the next call, which may have no data. An error from outside,
        such as MemoryError, loses the chunk and the message in progress; the parser reads on
        with the next chunk.
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
                return self._take_chunk(<const char *>view.buf, view.len)
            finally:
                ami_leave(&self._busy)
        finally:
            PyBuffer_Release(&view)

    def close(self):
        """End the stream: the messages not yet given. The parser is then ready for another stream.

        TruncatedMessage if the stream ended inside a message.
        """
        cdef unsigned long long offset
        cdef bint skipping
        if not ami_enter(&self._busy):
            raise ParserInUse
        try:
            found = self._take_chunk(b"", 0)
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
        self._chunks = deque()
        self._position = 0
        self._stream_size = 0
        self._offset = 0
        self._at_start = True
        self._skipping = False
        self._start_message()
        return 0

    cdef inline void _start_message(self) noexcept:
        self._line_start = 0
        self._line_count = 0
        self._search_from = 0
        self._first_line_crlf = -1
        self._previous_crlf = False
        self._follows = False
        self._is_event = False
        self._is_response = False

    cdef list _take_chunk(self, const char *p, Py_ssize_t n):
        """Split the chunk. After an error from outside, start anew behind it."""
        cdef list found = []
        cdef unsigned long long end
        self._stream_size += n
        try:
            if self._table_entries != len(self._names):
                self._build_table()
            if self._chunks:
                self._take_kept_chunks(p, n, found)
            else:
                self._take_new_chunk(p, n, found)
        except MessageTooLarge:
            raise
        except BaseException:
            # KeyboardInterrupt, MemoryError: the state of the message may not fit its bytes.
            end = self._stream_size
            self._start_stream()
            self._at_start = False
            self._offset = self._stream_size = end
            raise
        return found

    cdef int _take_new_chunk(self, const char *p, Py_ssize_t n, list found) except -1:
        """Split the chunk in place. Its rest is copied, once, if an error stops the reading."""
        self._position = 0
        try:
            self._split_chunk(p, n, found)
        except MessageTooLarge:
            if self._position < n:
                self._chunks.append(p[self._position:n])
            self._position = 0
            raise
        return 0

    cdef int _take_kept_chunks(self, const char *p, Py_ssize_t n, list found) except -1:
        """Go on in the chunks that an error left, up to the next error."""
        cdef bytes chunk
        self._chunks.append(p[:n])
        while self._chunks:
            chunk = self._chunks[0]     # holds a reference until the next one
            self._split_chunk(PyBytes_AS_STRING(chunk), PyBytes_GET_SIZE(chunk), found)
            self._chunks.popleft()
            self._position = 0
        return 0

    cdef int _split_chunk(self, const char *p, Py_ssize_t n, list found) except -1:
        """Take every message of the chunk from `_position` on; `p` is held by the caller.

        After MessageTooLarge, `_position` is where the reading goes on.
        """
        cdef Py_ssize_t position = self._position
        cdef Py_ssize_t start
        cdef size_t length
        cdef size_t name_end
        cdef Slice name
        cdef uint32_t turns = 0
        cdef bint keeps = PyBytes_GET_SIZE(self._kept_action_ids) > 0
        self._may_keep = keeps
        if self._pending_size:
            position = self._finish_pending(p, n, found)
        # One search in the whole chunk takes a third of the time of one in each message.
        self._may_keep = keeps and (
            memchr(p, PyBytes_AS_STRING(self._kept_action_ids)[0], n) is not NULL
        )
        while position < n:
            let_signals_through(turns)
            turns += 1
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
        """Whether the n bytes at `p` pass no bound, however their lines are read."""
        if n > self.max_message or n > self.max_line:
            return False
        # The last line is blank or not whole; neither counts.
        return n <= self.max_headers or (
            ami_find_feeds(<const uint8_t *>p, n, NULL, 0) <= <size_t>self.max_headers
        )

    cdef int _keep(self, const char *p, Py_ssize_t n) except -1:
        self._append(p, n)
        self._trim_skipped()
        return 0

    cdef Py_ssize_t _finish_pending(self, const char *p, Py_ssize_t n, list found) except -1:
        """Complete the pending message, and return where in the chunk the next one starts.

        The chunk is appended in growing pieces, so that a short rest costs a short copy.
        """
        cdef Py_ssize_t before = self._pending_size
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
                self._keep_skipped_line(before)
                raise
            if end >= 0:
                used -= self._pending_size - end
                self._pending_size = 0
                return used
            self._trim_skipped()
        return n

    cdef int _keep_skipped_line(self, Py_ssize_t before) except -1:
        """Keep what came before this chunk of the line in progress, where skipping starts.

        before: the size of the pending message when the chunk came.
        """
        cdef Py_ssize_t start = self._position      # of the line, in the pending message
        self._position = max(0, start - before)
        self._pending_size = max(0, before - start)
        memmove(self._pending, self._pending + start, self._pending_size)
        self._trim_skipped()
        return 0

    cdef int _append(self, const char *p, Py_ssize_t n) except -1:
        cdef Py_ssize_t needed = self._pending_size + n
        cdef Py_ssize_t room
        cdef char *grown
        if n == 0:
            return 0    # there may be no block yet, and C forbids a copy to NULL, even of 0 bytes
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
        """Take the message at `start`. Return the position after it, or -1 if it is not whole."""
        cdef Py_ssize_t length
        cdef Verdict verdict = self._advance(p + start, n - start, &length)
        cdef Slice name
        if verdict == MORE:
            return -1
        if verdict >= TOO_LARGE:
            self._position = start + self._line_start
            self._skip_message(found, verdict)
        if verdict == WHOLE and not self._skipping:
            if self._is_event:
                name.p = p + start + self._name_start
                name.n = self._name_size
                self._build_event(name, p + start, length, found)
            elif self._is_response:
                self._build_response(p + start, length, found)
            else:
                self.malformed += 1
                self._build(self._message, False, False, p + start, length, found)
        self._skipping = False
        self._offset += length
        self._start_message()
        return start + length

    cdef Verdict _advance(self, const char *p, Py_ssize_t n, Py_ssize_t *length) except *:
        """Read on in the message at `p`. Return the verdict; `length` is where reading stopped."""
        cdef const char *newline
        cdef Py_ssize_t end
        cdef Slice line
        cdef bint crlf
        while True:
            newline = NULL
            if self._search_from < n:
                newline = <const char *>memchr(p + self._search_from, b"\n", n - self._search_from)
            end = n if newline is NULL else newline + 1 - p
            length[0] = end
            if not self._skipping and end > min(self.max_message, self._line_start + self.max_line):
                if self._line_start + self.max_line < self.max_message:
                    return LINE_TOO_LONG
                return TOO_LARGE
            if newline is NULL:
                self._search_from = n
                return MORE
            line.p = p + self._line_start
            line.n = newline - line.p
            crlf = line.n > 0 and line.p[line.n - 1] == b"\r"
            line.n -= crlf
            if self._first_line_crlf < 0:
                self._first_line_crlf = crlf
                if self._take_banner(line):
                    return IS_BANNER
            if self._ends_message(line):
                return WHOLE
            if self._line_count == self.max_headers and not self._skipping:
                return TOO_MANY_LINES
            self._line_count += 1
            let_signals_through(<uint32_t>self._line_count)
            self._line_start = self._search_from = end
            self._previous_crlf = crlf
            self._note_header(p, line)

    cdef bint _take_banner(self, Slice line) except -1:
        """Keep the banner: Asterisk's greeting, or at a stream's start any line without a colon."""
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
        return line.n == 0 and (self._previous_crlf or self._first_line_crlf == 0)

    cdef void _note_header(self, const char *message, Slice line) noexcept:
        """Note the headers that decide the message's kind: Event, Response, old-style answer."""
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
        """Build the n bytes at `p` as the class that serves the event's name."""
        cdef uint32_t at = ami_hash(name.p, name.n)
        cdef NameEntry *entry
        cdef PyObject *made
        while True:
            at = (at + 1) & self._table_mask
            entry = &self._table[at]
            if entry.p is NULL:
                if self._skips_rest and not self._may_keep:
                    self.skipped += 1
                    return 0
                if self._patterns is None:
                    cls = self._event
                else:
                    cls = self._patterns.class_for(name.p[:name.n])
                break
            if same(name, entry.p, entry.n):
                if entry.is_user_event and len(self._user_events):
                    cls = self._user_event_class(self._user_events, self._user_event, p, n)
                elif entry.cls is NULL:
                    cls = None
                else:
                    made = new_message(entry.cls, False, p, n)
                    return self._give(made, self._may_keep and self._is_kept(p, n, False), found)
                break
        return self._build_or_keep(cls, name, p, n, found)

    cdef int _build_or_keep(
        self, cls, Slice name, const char *p, Py_ssize_t n, list found
    ) except -1:
        """Build an event as `cls`. None skips it, unless its ActionID is to be kept."""
        cdef bint is_kept = self._may_keep and self._is_kept(p, n, False)
        if cls is None and is_kept:
            cls = _registry.class_of(name.p[:name.n])
            if len(_registry.user_events) and same(name, b"UserEvent", 9):
                cls = self._user_event_class(_registry.user_events, cls, p, n)
        return self._build(cls, False, is_kept, p, n, found)

    cdef int _build_response(self, const char *p, Py_ssize_t n, list found) except -1:
        """Build a response. It is skipped if no response is selected, unless it is to be kept."""
        cdef bint is_kept = self._may_keep and self._is_kept(p, n, True)
        cls = self._response
        if cls is None and is_kept:
            cls = _registry.response_class()
        return self._build(cls, True, is_kept, p, n, found)

    cdef bint _is_kept(self, const char *p, Py_ssize_t n, bint is_response) except -1:
        """Whether the ActionID of the n bytes at `p` begins with `keep_action_ids`.

        The bytes are searched first, because that is faster than to read the header.
        """
        cdef const char *kept = PyBytes_AS_STRING(self._kept_action_ids)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self._kept_action_ids)
        cdef const char *end = p + n
        cdef const char *at = p
        cdef PyObject *made
        while True:
            at = <const char *>memchr(at, kept[0], end - at)
            if at is NULL or end - at < size:
                return False
            if memcmp(at, kept, size) == 0:
                break
            at += 1
        made = new_message(<PyTypeObject *>MessageCore, is_response, p, n)
        message = <MessageCore>made     # holds a reference until the return
        Py_DECREF(made)
        action_id = message.action_id
        return action_id is not None and action_id.startswith(self._kept_action_ids.decode())

    cdef object _user_event_class(
        self, dict user_events, cls, const char *p, Py_ssize_t n
    ):
        """The class that serves the header UserEvent of the n bytes at `p`, or else `cls`."""
        cdef PyObject *made = new_message(<PyTypeObject *>MessageCore, False, p, n)
        cdef MessageCore message = <MessageCore>made    # holds a reference until the return
        cdef Slice sent_as
        cdef Slice called                               # borrowed from `message`
        Py_DECREF(made)
        if find(
            message.buffer, &lines_of(message).lines, USER_EVENT_NAMES, &sent_as, &called
        ):
            return user_events.get(called.p[:called.n], cls)
        return cls

    cdef int _build(
        self, cls, bint is_response, bint is_kept, const char *p, Py_ssize_t n, list found
    ) except -1:
        """Build the n bytes at `p` as `cls`; None counts and skips them."""
        cdef PyObject *made
        if cls is None:
            self.skipped += 1
            return 0
        made = new_message(<PyTypeObject *>cls, is_response, p, n)
        return self._give(made, is_kept, found)

    cdef inline int _give(self, PyObject *made, bint is_kept, list found) except -1:
        """Append the message to `found`. This steals the reference."""
        cdef int failed = PyList_Append(found, made)
        Py_DECREF(made)
        if failed:
            return failed
        self.messages += 1
        self.kept += is_kept
        return 0

    cdef int _build_table(self) except -1:
        """Build the lookup table of the selection's names, anew after each registration."""
        # All that may fail comes before the table, as modules vanish when the interpreter ends.
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
            while table[at].p is not NULL:
                at = (at + 1) & (size - 1)
            table[at].p = PyBytes_AS_STRING(name)
            table[at].n = PyBytes_GET_SIZE(name)
            table[at].cls = NULL if cls is None else <PyTypeObject *>cls
            table[at].is_user_event = name == user_event
        PyMem_Free(self._table)
        self._table = table
        self._table_mask = size - 1
        self._table_entries = len(names)
        self._name_keys = names
        return 0

    cdef int _skip_message(self, list found, Verdict verdict) except -1:
        """Report a message that passed a bound. Skipping starts with its line in progress."""
        cdef unsigned long long offset = self._offset
        self._offset += self._line_start
        self._line_start = self._search_from = 0
        self._skipping = True
        self.malformed += 1
        if verdict == TOO_LARGE:
            raise MessageTooLarge(offset, self.max_message, found)
        if verdict == LINE_TOO_LONG:
            raise MessageTooLarge(offset, self.max_line, found, "max_line")
        raise MessageTooLarge(offset, self.max_headers, found, "max_headers")

    cdef int _trim_skipped(self) except -1:
        """Keep the line in progress of a skipped message, or only the end of a long line."""
        cdef Py_ssize_t kept = MARKER_LENGTH + 1
        cdef Py_ssize_t size = self._pending_size - self._line_start
        if not self._skipping:
            return 0
        memmove(self._pending, self._pending + self._line_start, size)
        self._offset += self._line_start
        self._line_start = 0
        # One byte more is allowed: it may be the CR of the line end.
        if size > LONGEST_SKIPPED_LINE + 1:
            self._offset += size - kept - LONGEST_SKIPPED_LINE
            memmove(self._pending + LONGEST_SKIPPED_LINE, self._pending + size - kept, kept)
            memset(self._pending, b"-", LONGEST_SKIPPED_LINE)
            size = kept + LONGEST_SKIPPED_LINE
        self._pending_size = size
        self._search_from = size
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
