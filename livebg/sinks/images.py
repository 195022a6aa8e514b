"""Pictures: a folder of PNGs, or one picture by its suffix."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING

import cv2

from livebg.errors import SinkError
from livebg.sinks.place import keep_partial_file, keep_partial_folder, publish_file, publish_folder, require_channels
from livebg.stages import Closing

if TYPE_CHECKING:
    from pathlib import Path

    from livebg.frame import Frame, Image
    from livebg.sinks.place import Pixels, Place
    from livebg.stages import SideStreams

# Seconds by which frames of a steady clip may be nearer or farther than others: containers round to milliseconds.
_UNEVEN = Fraction(1, 500)
_TO_CV2 = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
# One 1080p frame: by run lengths 94 ms for 1.0 MB; OpenCV's default 87 ms for 1.8 MB, level 6 363 ms for 0.8 MB.
_SETTINGS = {
    ".png": [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE],
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100 it is lossless
}


class ImageSink(Closing):
    """A folder of PNGs, named as the pictures they were made from or by the frame's number.

    Args:
        place: The folder; it is made under a hidden name and bears its own when complete.
        pixels: rgb gives RGB, rgba RGBA and gray 8-bit gray PNGs.
        side: Audio and subtitles that nobody else takes: they are let go, and told of.
        timecode: Of the first frame, which is told: PNGs have no place for it.

    Raises:
        SinkError: The folder cannot be made.
    """

    def __init__(
        self, place: Place, pixels: Pixels, side: SideStreams | None = None, timecode: str | None = None
    ) -> None:
        self._place, self._pixels, self._side, self._timecode = place, pixels, side, timecode
        self._dropped = ", ".join(f"{each.type} stream {each.index}" for each in side.streams) if side else ""
        self._names: set[str] = set()
        self._last: Fraction | None = None
        self._apart: tuple[Fraction, Fraction] | None = None  # the nearest two frames of a clip, and the farthest
        self._over = False
        try:
            place.hidden.mkdir()
        except OSError as error:
            raise SinkError(f"cannot make {place.final}: {error.strerror}") from error

    @property
    def notes(self) -> Sequence[str]:
        """What a folder of PNGs has no place for."""
        said = []
        if self._dropped:
            said.append(f"{self._place.final}: PNGs have no sound and no subtitles: {self._dropped} dropped")
        if self._apart is not None and self._apart[1] - self._apart[0] > _UNEVEN:
            nearest, farthest = (float(1000 * each) for each in self._apart)
            said.append(
                f"{self._place.final}: PNGs have no times: these frames were {nearest:.0f} to {farthest:.0f} ms apart"
            )
        if self._timecode is not None:
            said.append(f"{self._place.final}: PNGs have no timecode: that of the first frame was {self._timecode}")
        return said

    def write(self, frame: Frame) -> None:
        """Write one picture; sizes may differ.

        Raises:
            SinkError: Its stem has been written already, it has other channels, or the disk refuses.
        """
        _require_open(self._over, frame)
        name = f"{frame.index:06d}" if frame.name is None else frame.name
        # Case is ignored: on some file systems A.png and a.png are one file.
        if name.casefold() in self._names:
            raise SinkError(
                f"{self._place.final}: two pictures are called {name}; rename one, or put them in two folders"
            )
        _save(self._place.hidden / f"{name}.png", frame, self._pixels, self._place.final)
        self._names.add(name.casefold())
        self._let_go()
        if frame.name is None:
            self._look_at_time(frame.pts)

    def finish(self) -> None:
        """Count the pictures and give the folder its name.

        Raises:
            SinkError: A picture is missing, or the name cannot be given.
        """
        if self._over:
            raise SinkError(f"{self._place.final} is finished or closed already")
        self._let_go()
        found = sum(1 for each in self._place.hidden.iterdir() if each.stat().st_size)
        if found != len(self._names):
            raise SinkError(f"{self._place.final}: {found} pictures were found where {len(self._names)} were written")
        publish_folder(self._place)
        self._over = True

    def close(self) -> None:
        """Without ``finish()``: keep the pictures as NAME.partial, or remove the folder where there are none.

        Raises:
            SinkError: It can be given no such name; it keeps its hidden one.
        """
        if self._over:
            return
        self._over = True
        if not self._names:
            shutil.rmtree(self._place.hidden, ignore_errors=True)
            return
        keep_partial_folder(self._place)

    def _let_go(self) -> None:
        """What nobody takes would be held to the end: an hour of a recorder's PCM is 700 MB."""
        if self._side is not None:
            self._side.take()

    def _look_at_time(self, time: Fraction) -> None:
        if self._last is not None:
            apart = time - self._last
            nearest, farthest = self._apart or (apart, apart)
            self._apart = min(nearest, apart), max(farthest, apart)
        self._last = time


class PictureSink(Closing):
    """One picture, its format by the suffix.

    Args:
        place: The file.
        pixels: What the picture holds.
    """

    notes: Sequence[str] = ()

    def __init__(self, place: Place, pixels: Pixels) -> None:
        self._place, self._pixels = place, pixels
        self._written = False
        self._over = False

    def write(self, frame: Frame) -> None:
        """Write the picture.

        Raises:
            SinkError: It is the second, it has other channels, or the disk refuses.
        """
        _require_open(self._over, frame)
        if self._written:
            raise SinkError(f"{self._place.final} holds one picture; give a path without a suffix (a folder) for more")
        _save(self._place.hidden, frame, self._pixels, self._place.final)
        self._written = True

    def finish(self) -> None:
        """Give the file its name.

        Raises:
            SinkError: There is no picture, or the name cannot be given.
        """
        if self._over:
            raise SinkError(f"{self._place.final} is finished or closed already")
        if not self._written:
            raise SinkError(f"{self._place.final}: there was no picture to write")
        publish_file(self._place)
        self._over = True

    def close(self) -> None:
        """Without ``finish()``: keep the picture as STEM.partial.SUFFIX, where there is one."""
        if self._over:
            return
        self._over = True
        if self._written:
            keep_partial_file(self._place)
        else:
            self._place.hidden.unlink(missing_ok=True)


def _save(path: Path, frame: Frame, pixels: Pixels, final: Path) -> None:
    """Encode in memory and write with Python, whose errors say what is wrong (cv2.imwrite only says False)."""
    require_channels(frame, pixels, final)
    suffix = path.suffix.lower()
    refused = f"{final}: a picture of {frame.width}x{frame.height} cannot be written as {suffix}"
    encoded = _webp_with_alpha if suffix == ".webp" and pixels == "rgba" else _encoded
    try:
        data = encoded(frame.image, suffix)
    except (cv2.error, ValueError) as error:
        raise SinkError(f"{refused}: {error.err if isinstance(error, cv2.error) else error}") from error
    if not data:
        raise SinkError(refused)
    try:
        path.write_bytes(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise SinkError(f"cannot write {final}: {error.strerror}") from error


def _encoded(image: Image, suffix: str) -> bytes:
    """By OpenCV; nothing where it refuses without a word."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, _TO_CV2[image.shape[2]])  # type: ignore[assignment]
    done, data = cv2.imencode(suffix, image, _SETTINGS.get(suffix, []))
    return data.tobytes() if done else b""


def _webp_with_alpha(image: Image, suffix: str) -> bytes:
    """By Pillow: OpenCV's WebP invents colours where alpha is 0, and there none may be."""
    from PIL import Image as Pictures

    data = BytesIO()
    Pictures.fromarray(image).save(data, suffix[1:], lossless=True, exact=True)
    return data.getvalue()


def _require_open(over: bool, frame: Frame) -> None:
    if over:
        raise SinkError(f"frame {frame.index} came after the sink was finished or closed")
