"""The process that shows the preview: ``python -m livebg.sinks.preview_window``."""

from __future__ import annotations

import sys

import cv2

from livebg.sinks.child import hear, pictures, say_ready

TITLE = "livebg"
_CLOSING_KEYS = {27, ord("q")}


def main() -> None:
    """Show what comes until the window is closed (by its button, Escape or q) or the parent ends."""
    told = hear()
    width, height = int(str(told["width"])), int(str(told["height"]))
    cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    cv2.resizeWindow(TITLE, width, height)
    say_ready()
    shown = None
    for _, image in pictures(width, height):
        shown = cv2.cvtColor(image, cv2.COLOR_RGB2BGR, dst=shown)
        cv2.imshow(TITLE, shown)
        if cv2.waitKey(1) & 0xFF in _CLOSING_KEYS or cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            sys.exit("the window was closed")


if __name__ == "__main__":
    main()
