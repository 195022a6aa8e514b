"""What a picture's bytes say before it is decoded, and OpenCV does not."""

from __future__ import annotations

import struct
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

# Major brands of ISO/IEC 23008-12; AVIF may have mif1 too, and then says so among its compatible ones.
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
HEIC_CURE = "HEIC is not read; export it as JPEG"
# How many bytes ``is_heic`` looks at.
HEAD = 64


def is_heic(head: bytes) -> bool:
    """Whether a file that begins so is an iPhone's picture, whatever its suffix says."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC and b"avif" not in head[16 : int.from_bytes(head[:4], "big")]


def may_have_alpha(data: bytes) -> bool:
    """Whether it is worth decoding with alpha first; a JPEG has none."""
    if data.startswith(b"\xff\xd8"):
        return False
    if data.startswith(b"\x89PNG"):
        return len(data) > 25 and (data[25] & 4 == 4 or b"tRNS" in _before_picture(data))
    return True


def may_have_profile(data: bytes) -> bool:
    """Whether a picture may have an ICC profile. Source: ICC.1:2022, 7.2.10 and annex B; PNG 3rd edition, 11.3.2.3."""
    if data.startswith(b"\xff\xd8"):
        return b"ICC_PROFILE\0" in data
    if data.startswith(b"\x89PNG"):
        return b"iCCP" in _before_picture(data)
    return b"ICCP" in data if data.startswith(b"RIFF") else b"acsp" in data


def unread_orientation(data: bytes, *, alpha: bool) -> int:
    """The EXIF orientation, 1 to 8, where OpenCV does not turn the picture; else 1.

    That is a PNG, for ``without_talk`` leaves it out, and a WebP that is decoded with alpha.

    Source: PNG 3rd edition, 11.3.5.6; RFC 9649, 2.7.1.5.
    """
    names = (b"eXIf", b"EXIF") if alpha else (b"eXIf",)
    tiff = next((data[body] for name, body in _chunks(data) if name in names), b"")
    return exif_orientation(tiff.removeprefix(b"Exif\0\0"))  # some put JPEG's mark before it


def exif_orientation(tiff: bytes) -> int:
    """The orientation tag (0x0112) of the first directory; 1 where there is none, or nonsense. Source: TIFF 6.0."""
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        directory = struct.unpack_from(order + "I", tiff, 4)[0]
        count = struct.unpack_from(order + "H", tiff, directory)[0]
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if tag == 0x0112:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:  # cut off
        pass
    return 1


def is_cut_off(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end: one would be gray from there on, of the other libpng would talk."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    return data.startswith(b"\xff\xd8") and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")


def without_talk(data: bytes) -> bytes:
    """A PNG with no more than OpenCV makes its picture from; all other files as they are.

    Of what is amiss in the rest (profile, gamma, EXIF, texts) libpng writes a warning to standard error, past all
    settings of OpenCV. Source: PNG 3rd edition, 5.4 (a capital letter begins what no decoder may do without).
    """
    if not data.startswith(b"\x89PNG"):
        return data
    needed = (body for name, body in _chunks(data) if name[:1].isupper() or name == b"tRNS")
    return data[:8] + b"".join(data[body.start - 8 : body.stop + 4] for body in needed)


def lacks_index(file: BinaryIO) -> bool:
    """Whether an MP4 or MOV ends before its box moov does, without which nothing can be read.

    Source: ISO/IEC 14496-12, 4.2.
    """
    length, place, names = file.seek(0, 2), 0, []
    while place + 16 <= length and b"moov" not in names:
        file.seek(place)
        size, name, large = struct.unpack(">I4sQ", file.read(16))
        size = {0: length - place, 1: large}.get(size, size)
        names.append(name)
        place += max(size, 8)
    return names[:1] in ([b"ftyp"], [b"wide"], [b"mdat"]) and (b"moov" not in names or place > length)


def count_pictures(data: bytes) -> int:
    """How many pictures a PNG, WebP or TIFF has; 1 for all others, and as far as can be read."""
    try:
        if data.startswith(b"\x89PNG"):
            return _frames_of_png(data)
        if data.startswith(b"RIFF") and data[8:16] == b"WEBPVP8X":
            return _frames_of_webp(data)
        if data.startswith((b"II*\0", b"MM\0*")):
            return _pages_of_tiff(data)
    except struct.error:  # cut off
        return 1
    return 1


def _frames_of_png(data: bytes) -> int:
    """The count in the chunk acTL, which stands before the first picture. Source: PNG 3rd edition, 11.3.6.1."""
    control = _before_picture(data).get(b"acTL")
    return 1 if control is None else int(struct.unpack_from(">I", data, control.start)[0])


def _frames_of_webp(data: bytes) -> int:
    """Chunks ANMF. Source: RFC 9649, 2.7."""
    return max(sum(name == b"ANMF" for name, _ in _chunks(data)), 1)


def _before_picture(data: bytes) -> dict[bytes, slice]:
    """Name and place of the chunks of a PNG that stand before its picture."""
    return dict(takewhile(lambda chunk: chunk[0] != b"IDAT", _chunks(data)))


def _chunks(data: bytes) -> Iterator[tuple[bytes, slice]]:
    """Name and place of each chunk of a PNG or WebP; none of any other file."""
    png = data.startswith(b"\x89PNG")
    place = 8 if png else 12 if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else len(data)
    name = b""
    while place + 8 <= len(data) and name != b"IEND":
        first, second = data[place : place + 4], data[place + 4 : place + 8]
        name, size = (second, int.from_bytes(first, "big")) if png else (first, int.from_bytes(second, "little"))
        yield name, slice(place + 8, place + 8 + size)
        place += 8 + size + (4 if png else size % 2)  # a checksum; an even place


def _pages_of_tiff(data: bytes) -> int:
    """Directories along the chain, without smaller copies (bit 0 of tag 254). Source: TIFF 6.0, 2."""
    order = "<" if data.startswith(b"II") else ">"
    count, seen = 0, {0}
    directory = struct.unpack_from(order + "I", data, 4)[0]
    while directory not in seen:
        seen.add(directory)
        entries = struct.unpack_from(order + "H", data, directory)[0]
        tag, _, _, kind = struct.unpack_from(order + "HHII", data, directory + 2)
        count += not (tag == 254 and kind & 1)
        directory = struct.unpack_from(order + "I", data, directory + 2 + 12 * entries)[0]
    return max(count, 1)
