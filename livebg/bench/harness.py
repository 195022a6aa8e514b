"""Timing whole commands fairly on a noisy machine, and saying what machine it was.

Two commands are timed in turn, A B A B, and compared pair by pair: whatever slows the machine for a minute slows both
halves of a pair. Quote the median ratio.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile

from livebg import __version__
from livebg.errors import LivebgError

_LIBRARIES = ("numpy", "opencv-python", "av", "onnxruntime", "openvino", "torch")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run of a command cost, by the operating system's own account.

    Attributes:
        seconds: Wall time, start-up included.
        cpu_seconds: User and system time.
        peak_rss_mb: Largest resident memory, 10^6 bytes; on Linux never less than that of the process that measures.
        stdout: What it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    stdout: str


def timed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Usage:
    """Run a command to its end.

    Raises:
        LivebgError: It failed; the text holds its last line of error output.
    """
    # Errors go to a file: two pipes read one after the other would block a command that fills the second.
    with TemporaryFile("w+") as errors:
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process:
            assert process.stdout is not None
            stdout = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode != 0:
            errors.seek(0)
            last = (errors.read().strip().splitlines() or ["no output"])[-1]
            raise LivebgError(f"the benchmark's command failed: {' '.join(command)}: {last}")
    return Usage(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, stdout)


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over several runs."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float], digits: int = 3) -> Spread:
        """The spread of at least one value, rounded."""
        return cls(round(median(values), digits), round(min(values), digits), round(max(values), digits))

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def machine() -> dict[str, object]:
    """Hardware and versions, for the record."""
    versions = {"livebg": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "versions": versions,
        "date": time.strftime("%Y-%m-%d"),
        "commit": _commit(),
    }


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str | None:
    """The commit of the checkout that runs, where it is one."""
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
