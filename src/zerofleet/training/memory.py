"""Keeps the C library from giving the step's memory back to the system after every step."""

import ctypes

# <malloc.h> of glibc. 32 MiB is the largest threshold it accepts.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MIB = 1 << 20


def keep_freed_memory() -> None:
    """Lets malloc reuse big blocks instead of mapping new pages for each of them.

    A step allocates and frees tens of megabytes; zeroing fresh pages took a tenth of a compiled
    step and a third of an uncompiled one. The process keeps the peak of a step, which it needs
    again anyway. Does nothing with a C library that is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_MMAP_THRESHOLD, 32 * _MIB)
    mallopt(_M_TRIM_THRESHOLD, 1024 * _MIB)
    mallopt(_M_TOP_PAD, 64 * _MIB)
