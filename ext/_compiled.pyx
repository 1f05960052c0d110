# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, auto_pickle=False, embedsignature=False, autotestdict=False
"""The compiled twin: the fast double of amistream._pure, which is the reference for behaviour.

Its rooms have the names of the pure twin's modules. They are included here, so that they are one
C unit and the C compiler can inline across them.

Ownership: a message owns a copy of its bytes, in a block beside the object, and its index of lines
once that is built, with a reference to the shape that they have. Nothing points into a chunk after
`feed` returns. Every offset into a message comes from `ami_split_lines` or is checked by
`split_as_before`: the lines lie inside the message, and one more entry after the last line starts
at the message's end.
"""

import copyreg
from collections import deque

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport Py_EQ, Py_NE, PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memmove, memset, strlen

from amistream import _registry, _wire
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
    PyObject *PyDict_SetDefault(object, object, object) except NULL
    PyObject *PyList_GET_ITEM(object, Py_ssize_t)

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
    uint64_t ami_keys[2]
    uint64_t ami_fold(uint64_t, uint64_t) nogil
    uint32_t ami_hash(const char *, size_t) nogil
    bint ami_publish(void **, void *) nogil
    void *ami_published(void **) nogil
    bint ami_enter(long *) nogil
    void ami_leave(long *) nogil

# The classes and caches exist once a process, so only one interpreter may use them. Cython lets
# the first interpreter that imports the module have it; if that is a subinterpreter, the main one
# would be refused and run pure without a warning. Cython asks for the interpreter's id before it
# makes anything, so the id is where a subinterpreter is refused; -1 is an error.
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

cdef enum:
    CHECK_EVERY = 4096


cdef inline int let_signals_through(uint32_t i) except -1:
    """Let Ctrl-C through, every CHECK_EVERY turns of a loop that may be long."""
    return PyErr_CheckSignals() if i % CHECK_EVERY == CHECK_EVERY - 1 else 0


# A dict with room for n names, as Cython makes its own dicts. A dict that grows copies its entries
# three times for 20 names.
cdef extern from *:
    """
    #ifdef __Pyx_PyDict_NewPresized
    #define ami_new_dict(n) __Pyx_PyDict_NewPresized(n)
    #else
    #define ami_new_dict(n) PyDict_New()
    #endif
    """
    dict ami_new_dict(Py_ssize_t)

IMPLEMENTATION = "compiled"
SCAN = AMI_SCAN.decode()

# The C copies of constants of _wire.py. WIRE is what a test compares with them.
cdef enum:
    LARGEST_MESSAGE = 2147483647
    LONGEST_NUMBER = 64
    LONGEST_CACHED_NAME = 64
    LONGEST_SHAPE = 256
    LONGEST_SKIPPED_LINE = 64
    BANNER_LENGTH = 22
    MARKER_LENGTH = 15
    FOLLOWS_COUNT = 3

cdef const char *BANNER = b"Asterisk Call Manager/"
cdef const char *MARKER = b"--END COMMAND--"
cdef const char *FOLLOWS_HEADERS[FOLLOWS_COUNT]
FOLLOWS_HEADERS[0] = b"ActionID"
FOLLOWS_HEADERS[1] = b"Privilege"
FOLLOWS_HEADERS[2] = b"Message"

WIRE = {
    "LARGEST_MESSAGE": LARGEST_MESSAGE,
    "LONGEST_NUMBER": LONGEST_NUMBER,
    "LONGEST_CACHED_NAME": LONGEST_CACHED_NAME,
    "LONGEST_SHAPE": LONGEST_SHAPE,
    "LONGEST_SKIPPED_LINE": LONGEST_SKIPPED_LINE,
    "BANNER": BANNER[:BANNER_LENGTH],
    "MARKER": MARKER[:MARKER_LENGTH],
    "FOLLOWS_HEADERS": tuple([<bytes>FOLLOWS_HEADERS[_number] for _number in range(FOLLOWS_COUNT)]),
}

# Python's own hash depends on the secret of its process, or on PYTHONHASHSEED.
for _number in range(4):
    ami_keys[_number // 2] = ami_keys[_number // 2] << 32 ^ <uint64_t>hash(f"ami_hash {_number}")
ami_keys[1] |= 1

include "slices.pxi"
include "values.pxi"
include "lines.pxi"
include "shapes.pxi"
include "header.pxi"
include "message.pxi"
include "parser.pxi"

# These two are no part of the module: the caches hold the only objects of them.
for _name in ("Shape", "Template"):
    del globals()[_name]
