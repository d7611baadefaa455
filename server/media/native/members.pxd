"""Members of `__slots__`, read and written where they lie: a burst would look up thousands of attributes by name.

Ask for an offset once, when the module is loaded; a member that is gone or was renamed is an ImportError then, and the
Python twin serves. Whoever uses an offset has checked the object's class.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF

cdef extern from *:
    """
    #include <structmember.h>

    /* Where instances of a class keep a member of __slots__; -1 if that is not what it is. */
    static Py_ssize_t member_offset(PyObject *type, const char *name) {
        PyObject *found = PyObject_GetAttrString(type, name);
        Py_ssize_t offset = -1;
        if (found == NULL) {
            PyErr_Clear();
            return -1;
        }
        if (Py_TYPE(found) == &PyMemberDescr_Type) {
            PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
            if (member->type == T_OBJECT_EX) offset = member->offset;
        }
        Py_DECREF(found);
        return offset;
    }
    """
    Py_ssize_t member_offset(object type, const char *name)


cdef inline Py_ssize_t member(type, bytes name) except -1:
    cdef Py_ssize_t offset = member_offset(type, name)
    if offset < 0:
        raise ImportError(f"{type.__name__}.{name.decode()} is not a slot")
    return offset


cdef inline object get(object of, Py_ssize_t offset):
    return <object>(<PyObject **>(<char *><PyObject *>of + offset))[0]


cdef inline PyObject *peek(PyObject *of, Py_ssize_t offset) noexcept nogil:
    """The same without a reference of one's own."""
    return (<PyObject **>(<char *>of + offset))[0]


cdef inline void put(object of, Py_ssize_t offset, object value) noexcept:
    cdef PyObject **place = <PyObject **>(<char *><PyObject *>of + offset)
    cdef PyObject *before = place[0]
    Py_INCREF(value)
    place[0] = <PyObject *>value
    Py_XDECREF(before)


cdef inline int check(object of, type expected) except -1:
    if type(of) is not expected:
        raise TypeError(f"expected {expected.__name__}, got {type(of).__name__}")
    return 0
