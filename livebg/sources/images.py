"""Pictures: one, a folder of them, or a glob.

Why natural order: people number by hand, and 2 comes before 10; zero-padded names stand in their own order.
Why HEIC is a picture here although it is not read: a folder of an iPhone's pictures would be empty, and one of them a
clip of one frame, and nobody would learn why.
"""

from __future__ import annotations

import glob
import re
import struct
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from livebg.errors import SourceError, UsageError
from livebg.frame import Frame, StreamInfo
from livebg.sources.headers import count_pictures, exif_orientation
from livebg.sources.picture import decode_picture, read_bytes, read_picture
from livebg.stages import Closing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from livebg.frame import Image

# What our results carry beside their inputs; as inputs they are passed over.
RESULT_MARK = "-livebg"
PICTURE_SUFFIXES = frozenset({
    ".avif", ".bmp", ".dib", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm",
    ".tif", ".tiff", ".webp",
})  # fmt: skip
_LONGEST_EXIF = 1 << 16  # bytes, as in a JPEG's segment
_HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})


class ImageSource(Closing):
    """Pictures as frames; ``open_source`` documents what is done to them.

    A picture that cannot be read is left out with a note; in a sequence its moment stays empty, so that the pictures
    after it keep theirs.
    """

    def __init__(
        self,
        name: str,
        pictures: Sequence[Path],
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        strict: bool = False,
        stills: bool = False,
        rate: Fraction = Fraction(25),
    ) -> None:
        """``pictures`` is in order and not empty; for the rest see ``open_source``.

        Raises:
            SourceError: No picture can be read; with ``strict``, one cannot.
            UsageError: ``start`` or ``end`` is given for pictures that are no sequence.
        """
        self._notes: list[str] = []
        self._unprofiled: list[Path] = []
        self._name, self._strict = name, strict
        self._closed = self._iterated = False
        stills = stills or len(pictures) == 1 or len({size for size in map(picture_size, pictures) if size}) > 1
        if stills and (start is not None or end is not None):
            raise UsageError(f"{name}: start and end need a clip or a sequence of equal-sized pictures")
        begin = start or Fraction(0)
        timed = [(index / rate - begin, path) for index, path in enumerate(pictures)]
        timed = [(time, path) for time, path in timed if time >= 0 and (end is None or time < end - begin)]
        self._names = _names(pictures)
        self._images = self._read(timed)
        self._first = next(self._images, None)
        if self._first is None:
            raise SourceError(_briefly(self._notes) or f"{name} has no picture between {start or 0} s and {end} s")
        height, width = self._first[1].shape[:2]
        self.info = StreamInfo(
            name=name,
            width=width,
            height=height,
            time_base=1 / rate,
            rate=rate,
            frames=len(timed),
            duration=len(timed) / rate,
            stills=stills,
        )
        self._step = 1 / rate

    @property
    def notes(self) -> list[str]:
        """What was left out so far, and which colours are not sure."""
        if not self._unprofiled:
            return self._notes
        first, *others = self._unprofiled
        which = f"{first} and {len(others)} more" if others else str(first)
        return [*self._notes, f"{which}: the colour profile cannot be used; its colours are taken as sRGB"]

    def __iter__(self) -> Iterator[Frame]:
        """The frames; once.

        Raises:
            SourceError: A picture of a sequence has another size; with ``strict``, one cannot be read.
            ValueError: The source is closed, or was read before.
        """
        self._require_open()
        if self._iterated:
            raise ValueError(f"{self._name} was read already: open it again")
        self._iterated = True
        return self._iterate()

    def close(self) -> None:
        """Nothing stays open; what is asked for afterwards is refused."""
        self._closed = True
        self._first = None

    def _iterate(self) -> Iterator[Frame]:
        index = 0
        while True:
            self._require_open()
            read, self._first = self._first or next(self._images, None), None
            if read is None:
                return
            time, image, path = read
            if not self.info.stills and image.shape[:2] != (self.info.height, self.info.width):
                raise SourceError(
                    f"{path} is {image.shape[1]}x{image.shape[0]}, the pictures before it {self.info.width}x"
                    f"{self.info.height}: treat them as stills"
                )
            yield Frame(image, time, index, self._step, self._names[path])
            index += 1

    def _read(self, timed: Sequence[tuple[Fraction, Path]]) -> Iterator[tuple[Fraction, Image, Path]]:
        for time, path in timed:
            try:
                data = read_bytes(path)
                image, sure = decode_picture(data, path)
            except SourceError as error:
                if self._strict or len(timed) == 1:
                    raise
                self._notes.append(f"{error}; left out")
                continue
            if not sure:
                self._unprofiled.append(path)
            count = count_pictures(data)
            if count > 1:
                self._notes.append(
                    f"{path}: the first of its {count} pictures is taken; for all of them make it a GIF, a clip or a "
                    "folder of pictures"
                )
            yield time, image, path

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError(f"{self._name} is closed: open it again")


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a name's suffix is that of a picture; of HEIC too, which is not read."""
    return Path(path).suffix.lower() in PICTURE_SUFFIXES | _HEIC_SUFFIXES


def is_result(path: str | os.PathLike[str]) -> bool:
    """Whether a name looks like one that we gave to a result beside its input: ``talk-livebg.mp4``."""
    return Path(path).stem.removesuffix(".partial").endswith((RESULT_MARK, RESULT_MARK + "-matte"))


def find_pictures(name: str) -> list[Path] | None:
    """The pictures that a path, a folder or a glob names, in natural order; ``None`` where it names a clip.

    Raises:
        SourceError: The picture does not exist, or the folder or glob has none.
    """
    path = Path(name)
    if path.is_dir():
        found = _inputs(each for each in path.iterdir() if not each.name.startswith("."))
        if not found:
            raise SourceError(
                f"{name} has no pictures in it ({', '.join(sorted(PICTURE_SUFFIXES))}): choose another folder"
            )
    elif glob.has_magic(name) and not path.exists():
        # Not Path.glob: that cannot take an absolute pattern.
        matched = [Path(each) for each in glob.glob(name)]  # noqa: PTH207
        found = _inputs(matched)
        if not found:
            raise SourceError(f"{name} matches {'no picture' if matched else 'nothing'}: check the pattern")
    elif not is_picture(path):
        return None
    elif not path.exists():
        raise SourceError(f"{name} does not exist: check the name")
    else:
        found = [path]
    return sorted(found, key=_natural)


def _inputs(paths: Iterable[Path]) -> list[Path]:
    """The pictures among them, without the results of an earlier run; unless there is nothing else."""
    pictures = [path for path in paths if is_picture(path)]
    return [path for path in pictures if not is_result(path)] or pictures


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height, upright; from the header of a JPEG or PNG, by decoding any other. ``None`` if unreadable."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
            if head.startswith(b"\x89PNG\r\n\x1a\n") and not _may_be_turned(file):
                return struct.unpack(">II", head[16:24])
            if head.startswith(b"\xff\xd8"):
                return _jpeg_size(file)
        height, width = read_picture(path).shape[:2]
    except (OSError, SourceError, struct.error):
        return None  # whoever reads the picture says why
    return width, height


def _may_be_turned(file: BinaryIO) -> bool:
    """Whether a PNG has EXIF, before its picture or, as some programs write it, behind: no more is read for it."""
    place, name = 8, b""
    while name != b"IDAT":
        file.seek(place)
        size, name = struct.unpack(">I4s", file.read(8))
        if name == b"eXIf":
            return True
        place += size + 12
    file.seek(max(place, file.seek(0, 2) - _LONGEST_EXIF))
    return b"eXIf" in file.read()


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Walk the markers up to the frame header; EXIF orientations 5 to 8 lie on their side. Source: ITU-T T.81, B.1."""
    file.seek(2)
    sideways = False
    while True:
        marker = struct.unpack(">H", file.read(2))[0]
        while marker == 0xFFFF:  # fill bytes
            marker = 0xFF00 | struct.unpack(">B", file.read(1))[0]
        if marker >> 8 != 0xFF or marker == 0xFFDA:
            return None
        length = struct.unpack(">H", file.read(2))[0]
        if length < 2:  # it counts its own two bytes
            return None
        segment = file.read(length - 2)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            height, width = struct.unpack(">HH", segment[1:5])
            return (height, width) if sideways else (width, height)
        if marker == 0xFFE1 and segment.startswith(b"Exif\0\0"):
            sideways = exif_orientation(segment[6:]) >= 5


def _briefly(notes: Sequence[str]) -> str:
    """The first few: a folder may have hundreds."""
    more = f"; and {len(notes) - 3} more" if len(notes) > 3 else ""
    return "; ".join(notes[:3]) + more


def _names(pictures: Sequence[Path]) -> dict[Path, str]:
    """Stems; the whole name where two pictures share a stem and one would overwrite the other."""
    shared = Counter(path.stem for path in pictures)
    return {path: path.name if shared[path.stem] > 1 else path.stem for path in pictures}


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Digits compare as numbers, everything else as text without case."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts] + [(2, 0, path.name)]
