"""How many processors this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """Those of its affinity mask, where the system has one: a scheduler or ``taskset`` may leave fewer than there are.

    A quota of time (``docker --cpus``) is not seen.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
