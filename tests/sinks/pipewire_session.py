"""A PipeWire daemon of its own for a test, and an independent reader (GStreamer's pipewiresrc)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

PROGRAMS = ("dbus-daemon", "pipewire", "wireplumber", "gst-launch-1.0", "pw-dump", "gst-inspect-1.0")


def why_not() -> str | None:
    """What is missing for a session, ``None`` where nothing is."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} not installed (apt install pipewire wireplumber dbus gstreamer1.0-pipewire ...)"
    found = subprocess.run(
        ["gst-inspect-1.0", "pipewiresink"],
        timeout=20,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return "gstreamer1.0-pipewire not installed" if found.returncode else None


@contextmanager
def session(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which programs meet a daemon of their own."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "XDG_STATE_HOME": str(folder / "state")}
    bus = runtime / "bus"
    environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={bus}"
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    try:
        start("dbus-daemon", "--session", "--nofork", f"--address=unix:path={bus}")
        await_(bus.exists)
        start("pipewire")
        await_((runtime / "pipewire-0").exists)
        start("wireplumber")
        await_(lambda: b"WirePlumber" in dump(environment))
        yield environment
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def dump(environment: dict[str, str]) -> bytes:
    """Everything the daemon knows."""
    return subprocess.run(["pw-dump"], env=environment, capture_output=True, timeout=10, check=False).stdout


class Reader:
    """Another program that reads the camera called livebg into a file."""

    def __init__(self, environment: dict[str, str], path: Path, pictures: int) -> None:
        self._path = path
        await_(lambda: b'"livebg"' in dump(environment))  # it appears with its first frame; pipewiresrc waits for none
        command = f"gst-launch-1.0 -q pipewiresrc target-object=livebg num-buffers={pictures} ! video/x-raw"
        self.process = subprocess.Popen(
            [*command.split(), "!", "filesink", f"location={path}"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def pictures(self, width: int, height: int, seconds: float = 15) -> np.ndarray:
        """All of them, I420, (N, H * 3 / 2, W)."""
        self.process.wait(seconds)
        return np.fromfile(self._path, np.uint8).reshape(-1, height * 3 // 2, width)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def await_(condition, seconds: float = 10) -> None:
    """Until it is true."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)
