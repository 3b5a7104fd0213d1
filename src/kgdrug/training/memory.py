"""Keep freed memory for the next step instead of handing it back to the system.

glibc gives every block above 128 KiB back when it is freed, and gets it again as fresh pages, each of which costs a
fault. A training step makes and frees the same tensors again and again, so its memory is kept.
"""

import ctypes
import logging

log = logging.getLogger(__name__)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>


def keep_freed_memory() -> bool:
    """Raise glibc's thresholds to 1 GiB for this process; False where there is no glibc."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        log.debug("no glibc: memory is managed as the system does")
        return False
    # older glibc allows at most 32 MiB for the first
    mapped = mallopt(_M_MMAP_THRESHOLD, 1 << 30) or mallopt(_M_MMAP_THRESHOLD, 32 << 20)
    return bool(mallopt(_M_TRIM_THRESHOLD, 1 << 30)) and bool(mapped)
