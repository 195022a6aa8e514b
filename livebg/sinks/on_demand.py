"""Whether anybody looks at the virtual camera, so that the real one can sleep meanwhile.

Three ways, by what there is:

- v4l2loopback 0.13 and later tells: its private event «client usage» carries 1 while a program streams and 0 while
  none does. A new subscription that asks for it begins with the present state, so that nothing has to be remembered
  and no missed event can leave the camera asleep.
- Older v4l2loopback tells nothing: who holds the device open is looked up in /proc. Programs open every camera for a
  moment when they list them, so only who is found twice in a row counts. Programs of other users are not seen.
- PipeWire: whether a link leads out of the node.

Source of the event: v4l2loopback.c, V4L2_EVENT_PRI_CLIENT_USAGE; of the structures: linux/videodev2.h.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import struct
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Protocol

from livebg.errors import SinkError, UsageError
from livebg.sinks.pipewire import NODE

if TYPE_CHECKING:
    from collections.abc import Iterator

# struct v4l2_event_subscription: type, id, flags, reserved[5]. _IOW('V', 90, 32 bytes).
_SUBSCRIBE, _SUBSCRIPTION = 0x4020565A, struct.Struct("=8I")
_SEND_INITIAL = 1
# V4L2_EVENT_PRIVATE_START + V4L2LOOPBACK_EVENT_OFFSET + 1.
_CLIENT_USAGE = 0x08000000 + 0x08E00000 + 1
# struct v4l2_event: type, union of 64 bytes at 8, pending, sequence, timespec, id, reserved. _IOR('V', 89, 136 bytes).
_NEXT_EVENT, _EVENT_BYTES, _COUNT_AT = 0x80885659, 136, 8
_LOOK_SECONDS = 0.25
# A subscription is renewed this often: one event that was lost must not cost the call.
_AGAIN_SECONDS = 1.0
_DUMP_SECONDS = 5.0


class Readers(Protocol):
    """Who looks at a virtual camera."""

    @property
    def present(self) -> bool:
        """Whether anybody does now.

        Raises:
            SinkError: It can no longer be found out: the device or the daemon is gone.
        """

    def wait(self, timeout: float) -> bool:
        """Wait until somebody does, at most ``timeout`` seconds; whether somebody does.

        Raises:
            SinkError: As ``present``.
        """


def open_readers(device: str) -> Readers:
    """Watch who reads a virtual camera.

    Args:
        device: What the sink calls itself (``sink.device``): ``/dev/videoN`` or ``pipewire``.

    Raises:
        UsageError: There is no way to know on this system.
        SinkError: The device, or the PipeWire daemon, is not there.
    """
    if device == "pipewire":
        return PipeWireReaders()
    if device == "none":
        raise UsageError("without a virtual camera nobody can read it: leave out --on-demand")
    if not device.startswith("/dev/") or sys.platform != "linux":
        raise UsageError(f"whether anybody reads {device} cannot be known on {sys.platform}: leave out --on-demand")
    try:
        return EventReaders(device)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTTY):
            raise SinkError(f"{device} cannot be watched: {error.strerror}") from error
        return OpenReaders(device)


class EventReaders:
    """As v4l2loopback 0.13 and later tells.

    Args:
        device: ``/dev/videoN``.

    Raises:
        OSError: The device cannot be opened, or (EINVAL, ENOTTY) knows no such event.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        with self._subscribed():
            pass

    @property
    def present(self) -> bool:
        """Whether a program streams from it now."""
        return self.wait(0)

    def wait(self, timeout: float) -> bool:
        """Wait until a program streams from it, at most ``timeout`` seconds; whether one does."""
        until = monotonic() + timeout
        try:
            while not self._waited(min(until - monotonic(), _AGAIN_SECONDS)):
                if monotonic() >= until:
                    return False
        except OSError as error:
            raise SinkError(f"{self._device} no longer tells who reads it: {error.strerror}") from error
        return True

    def _waited(self, timeout: float) -> bool:
        """The same with one subscription; its first event is the present state."""
        until = monotonic() + timeout
        with self._subscribed() as descriptor:
            events = select.poll()
            events.register(descriptor, select.POLLPRI)
            while not (present := _count(descriptor) > 0) and monotonic() < until:
                told = events.poll(max(0.0, until - monotonic()) * 1000)
                if told and not told[0][1] & select.POLLPRI:
                    sleep(min(_LOOK_SECONDS, max(0.0, until - monotonic())))  # an opener that streams nothing: POLLERR
            return present

    @contextlib.contextmanager
    def _subscribed(self) -> Iterator[int]:
        import fcntl  # not on Windows

        descriptor = os.open(self._device, os.O_RDWR | os.O_NONBLOCK)
        try:
            fcntl.ioctl(descriptor, _SUBSCRIBE, _SUBSCRIPTION.pack(_CLIENT_USAGE, 0, _SEND_INITIAL, 0, 0, 0, 0, 0))
            yield descriptor
        finally:
            os.close(descriptor)


class OpenReaders:
    """Who holds a file open, by /proc; this process does not count.

    Args:
        device: ``/dev/videoN``.

    Raises:
        SinkError: It is not there.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._before: set[tuple[int, str]] = set()
        self._real()

    @property
    def present(self) -> bool:
        """Whether a program that had it open at the last look has it open still."""
        now = set(_holders(self._real()))
        stayed, self._before = now & self._before, now
        return bool(stayed)

    def wait(self, timeout: float) -> bool:
        """Look four times a second until somebody has it open, at most ``timeout`` seconds."""
        return _look(self, timeout)

    def _real(self) -> str:
        try:
            return str(Path(self._device).resolve(strict=True))
        except OSError as error:
            raise SinkError(f"{self._device} cannot be watched: {error.strerror}") from error


class PipeWireReaders:
    """Whether links lead out of the PipeWire camera, as ``pw-dump`` tells.

    Args:
        node: Its name.

    Raises:
        SinkError: There is no pw-dump, or no daemon.
    """

    def __init__(self, node: str = NODE) -> None:
        self._node = node
        self._dump()

    @property
    def present(self) -> bool:
        """Whether a program takes pictures from it now."""
        objects = [(each["type"].rpartition(":")[2], each["id"], each["info"]) for each in self._dump()]
        nodes = {
            number
            for kind, number, info in objects
            if kind == "Node" and (info.get("props") or {}).get("node.name") == self._node
        }
        return any(kind == "Link" and info.get("output-node-id") in nodes for kind, _, info in objects)

    def wait(self, timeout: float) -> bool:
        """Look four times a second until somebody does, at most ``timeout`` seconds."""
        return _look(self, timeout)

    def _dump(self) -> list[dict[str, Any]]:
        try:
            return _objects(
                subprocess.run(
                    ["pw-dump"], capture_output=True, timeout=_DUMP_SECONDS, check=True, encoding="utf-8"
                ).stdout
            )
        except FileNotFoundError as error:
            raise SinkError(
                "pw-dump is missing, which tells who reads the camera: sudo apt install pipewire-bin"
            ) from error
        except (subprocess.SubprocessError, ValueError) as error:
            raise SinkError("no PipeWire daemon answers, so that nobody can read the camera") from error


def _objects(said: str) -> list[dict[str, Any]]:
    """What pw-dump lists; what changed while it looked comes after, list by list, and without ``info`` where it went.

    Raises:
        ValueError: That is not JSON.
    """
    found: dict[int, dict[str, Any]] = {}
    decoder, said = json.JSONDecoder(), said.strip()
    while said:
        objects, end = decoder.raw_decode(said)
        for each in objects:
            if each.get("info") is None:
                found.pop(each["id"], None)
            else:
                before = found.get(each["id"], {})
                found[each["id"]] = {**before, **each, "info": {**before.get("info", {}), **each["info"]}}
        said = said[end:].lstrip()
    return list(found.values())


def _count(descriptor: int) -> int:
    """How many stream, by the newest event that waits; 0 where none does."""
    import fcntl

    count = 0
    while True:
        try:
            event = fcntl.ioctl(descriptor, _NEXT_EVENT, bytes(_EVENT_BYTES))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EAGAIN):
                return count
            raise
        count = int(struct.unpack_from("=I", event, _COUNT_AT)[0])


def _look(readers: Readers, timeout: float) -> bool:
    until = monotonic() + timeout
    while not readers.present:
        left = until - monotonic()
        if left <= 0:
            return False
        sleep(min(_LOOK_SECONDS, left))
    return True


def _holders(device: str) -> Iterator[tuple[int, str]]:
    """Process and descriptor of whoever else has it open, as far as this user may know."""
    own = str(os.getpid())
    for process in os.listdir("/proc"):  # noqa: PTH208 - a thousand Path objects a look
        if not process.isdecimal() or process == own:
            continue
        with contextlib.suppress(OSError):  # it is another user's, or gone
            for entry in os.scandir(f"/proc/{process}/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(entry.path) == device:  # noqa: PTH115
                        yield int(process), entry.name
