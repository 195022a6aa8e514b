"""A window that shows what others see.

Why a process of its own: window toolkits want a program's main thread (macOS insists), and Qt aborts the whole process
where it meets no display. A window that is closed is a ``SinkError``, so that a ``Tee`` lets go of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2

from livebg.errors import SinkError
from livebg.sinks.child import start_own
from livebg.sinks.child_sink import ChildSink
from livebg.sinks.drop_oldest import DropOldest
from livebg.sinks.i420 import require_rgb

if TYPE_CHECKING:
    from livebg.frame import Frame, Image

_NAME = "the preview window"
# What is larger is shown smaller: a preview need not cost a call 250 MB a second.
_LARGEST = (1280, 720)


class PreviewWindow(ChildSink):
    """Feeds the window's process; ``write`` blocks until it has the frame (``open_preview`` puts a thread before).

    Args:
        width: Pixels of the frames.
        height: Pixels of the frames.

    Raises:
        SinkError: There is no display, or no window can be opened there.
    """

    notes: Sequence[str] = ()

    def __init__(self, width: int, height: int) -> None:
        super().__init__(_NAME)
        _require_display()
        self._size = (width, height)
        scale = min(1.0, _LARGEST[0] / width, _LARGEST[1] / height)
        self._shown = (max(1, round(width * scale)), max(1, round(height * scale)))
        self._small: Image | None = None
        self._child = start_own(
            _NAME, "livebg.sinks.preview_window", {"width": self._shown[0], "height": self._shown[1]}
        )

    def write(self, frame: Frame) -> None:
        """Show one frame, RGB (H, W, 3) of the size declared.

        Raises:
            SinkError: The window was closed, the size changed, or it is finished or closed.
        """
        self._require_open(frame)
        require_rgb(frame, self._size, _NAME)
        if self._shown != self._size:
            self._small = cv2.resize(frame.image, self._shown, dst=self._small, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
            assert self._small is not None
            frame = frame.with_image(self._small)
        child = self._child
        assert child is not None
        child.send_frame(frame)


def open_preview(width: int, height: int) -> DropOldest:
    """A preview whose ``write`` never waits; the newest frame wins. As ``PreviewWindow``."""
    window = PreviewWindow(width, height)
    return DropOldest(window, depth=1, interrupt=window.interrupt)


def _require_display() -> None:
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise SinkError(
            "there is no display for a preview window: DISPLAY and WAYLAND_DISPLAY are not set; "
            "leave the preview off, or start livebg on a desktop (over ssh: ssh -X)"
        )
