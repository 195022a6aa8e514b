"""How many processors this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil
from pathlib import Path

_OWN = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def cores() -> int:
    """Those of its affinity mask, where the system has one, and no more than its quota.

    A scheduler or ``taskset`` may leave fewer than there are, and ``docker --cpus`` less of their time.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, quota() or there)


def quota() -> int | None:
    """As many processors as the quota of time comes to, rounded up; ``None`` where there is none, or no Linux.

    The least one holds, of the process's group and of those above it. Source: the kernel's "Control Group v2", cpu.max,
    and "CFS Bandwidth Control", cpu.cfs_quota_us, of version 1.
    """
    try:
        memberships = [line.split(":", 2) for line in _OWN.read_text(encoding="utf-8").splitlines()]
    except OSError:  # no Linux, or no groups
        return None
    found = []
    for _, controllers, own in memberships:
        second = not controllers
        if not second and "cpu" not in controllers.split(","):
            continue
        group = (_GROUPS if second else _GROUPS / "cpu") / own.lstrip("/")
        for each in (group, *group.parents):
            # A container sees its own group at the top. The topmost has no such file; «max» and -1 are no quota.
            with suppress(OSError, ValueError):
                if second:
                    most, period = (each / "cpu.max").read_text(encoding="ascii").split()
                else:
                    most, period = (
                        (each / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
                    )
                if int(most) > 0:
                    found.append(ceil(int(most) / int(period)))
    return min(found, default=None)
