"""Which suffix can hold what. Needs no codec library, so it answers early.

Why the tables are written out: a command must refuse ``transparent`` to ``.mp4`` before it loads a network, and must be
able to say which suffixes can.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from livebg.errors import SinkError, UsageError
from livebg.sinks.place import Pixels, require_replaceable

if TYPE_CHECKING:
    from livebg.frame import StreamInfo

X26X_PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CodecRule:
    """What may be asked of a video codec.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        suffixes: The containers it may stand in, by what the pixels are.
        crf: Lowest and highest constant rate factor; ``None`` where it has none.
        presets: Their names, in order of slowness or of speed as the encoder counts; empty where it has none.
        even: 4:2:0 with even sizes only: an odd size is padded by one column or row.
        least: The fewest columns and rows. x265 overruns its buffers with fewer than 64; SVT-AV1 refuses.
    """

    encoder: str
    suffixes: Mapping[Pixels, tuple[str, ...]]
    crf: tuple[int, int] | None
    presets: tuple[str, ...]
    even: bool = False
    least: int = 1


_BOXES = (".mp4", ".mkv", ".mov", ".m4v")
CODECS: Mapping[str, CodecRule] = {
    "h264": CodecRule("libx264", {"rgb": _BOXES, "gray": _BOXES}, (0, 51), X26X_PRESETS, even=True),
    "h265": CodecRule("libx265", {"rgb": _BOXES, "gray": _BOXES}, (0, 51), X26X_PRESETS, even=True, least=64),
    "av1": CodecRule(
        "libsvtav1",
        {"rgb": (".mp4", ".mkv", ".webm"), "gray": (".mp4", ".mkv", ".webm")},
        (1, 63),
        tuple(map(str, range(14))),
        even=True,
        least=16,
    ),
    "vp9": CodecRule(
        "libvpx-vp9",
        {"rgb": (".webm", ".mkv", ".mp4"), "rgba": (".webm",), "gray": (".webm", ".mkv", ".mp4")},
        (0, 63),
        tuple(map(str, range(9))),
    ),
    "prores": CodecRule("prores_ks", {"rgb": (".mov",), "rgba": (".mov",)}, None, ()),
}
PNG = "png"
"""Asked for as a codec: no video, but a folder of PNGs for each clip."""
CODEC_ALIASES: Mapping[str, str] = {"hevc": "h265", "x264": "h264", "x265": "h265", "avc": "h264"}
DEFAULT_CODEC: Mapping[Pixels, Mapping[str, str]] = {
    "rgb": {**dict.fromkeys(_BOXES, "h264"), ".webm": "vp9"},
    "gray": {**dict.fromkeys(_BOXES, "h264"), ".webm": "vp9"},
    "rgba": {".mov": "prores", ".webm": "vp9"},
}
PICTURES: Mapping[Pixels, tuple[str, ...]] = {
    "rgb": (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"),
    "gray": (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"),
    "rgba": (".png", ".webp", ".tif", ".tiff"),
}
_FOLDER = "a path without a suffix (a folder of PNGs)"
_WHAT: Mapping[Pixels, str] = {"rgb": "a video", "rgba": "a transparent background", "gray": "a matte"}


def check_output(
    path: str | os.PathLike[str],
    *,
    pixels: Pixels = "rgb",
    stills: bool = False,
    codec: str | None = None,
    overwrite: bool = False,
    crf: int | None = None,
    preset: str | None = None,
) -> None:
    """Refuse, before any work, an output that could not be written in the end.

    Args:
        path: A video by its suffix, a picture by its suffix (for a still), or a folder of PNGs (no suffix).
        pixels: What the frames hold: ``rgb``, ``rgba`` (straight alpha) or ``gray`` (a matte).
        stills: The input is pictures that have nothing to do with each other.
        codec: h264, h265, av1, vp9 or prores, or png for PNGs; ``None`` for the suffix's own.
        overwrite: Whether what bears the name already may be replaced.
        crf: Constant rate factor: lower is better and larger.
        preset: The encoder's own name or number for how much time it takes.

    Raises:
        UsageError: The suffix, codec, crf or preset cannot serve, or the name is taken.
        SinkError: The folder is not there or cannot be written.
    """
    final = Path(path)
    suffix = final.suffix.lower()
    if str(final) == "-":
        raise UsageError("the result cannot go into a pipe, since files are checked once they are written: give a name")
    if not final.name or final.name == "..":
        raise UsageError(f"{path}: give the output a name of its own")
    if is_video_output(path):
        if stills:
            choices = _listed(PICTURES[pixels])
            raise UsageError(
                f"{path}: pictures on their own (one, of different sizes, or with --stills) need a picture ({choices}) "
                f"or {_FOLDER}, not {suffix}"
            )
        choose_codec(final, pixels, codec, crf, preset)
    elif suffix in PICTURES["rgb"] or not suffix:
        if suffix not in ("", *PICTURES[pixels]):
            raise UsageError(f"{path}: {suffix} cannot hold alpha; use {_listed(PICTURES[pixels])} or {_FOLDER}")
        if suffix and not stills:
            raise UsageError(f"{path}: a picture cannot hold a video; use {_video_choices(pixels)} or {_FOLDER}")
        if is_png(codec):
            if suffix not in ("", ".png"):
                raise UsageError(f"{path}: codec png makes PNGs; give a name that ends in .png, or {_FOLDER}")
            codec = None
        for name, value in (("codec", codec), ("crf", crf), ("preset", preset)):
            if value is not None:
                raise UsageError(f"{path}: {name} {value} is for video; leave it out for pictures")
    else:
        choices = _listed(PICTURES[pixels]) if stills else _video_choices(pixels)
        raise UsageError(f"{path}: no encoder serves {suffix}; use {choices} or {_FOLDER}")
    _require_place(final, overwrite)


def is_video_output(path: str | os.PathLike[str]) -> bool:
    """Whether an output is a video: only there sound and subtitles can go along."""
    return Path(path).suffix.lower() in DEFAULT_CODEC["rgb"]


def choose_codec(path: Path, pixels: Pixels, codec: str | None, crf: int | None, preset: str | None) -> str:
    """The codec for a video file, a key of ``CODECS``; everything asked of it is known to be possible.

    Raises:
        UsageError: It is not.
    """
    suffix = path.suffix.lower()
    if codec is None:
        if suffix not in DEFAULT_CODEC[pixels]:
            raise UsageError(f"{path}: {suffix} cannot hold {_WHAT[pixels]}; use {_video_choices(pixels)} or {_FOLDER}")
        name = DEFAULT_CODEC[pixels][suffix]
    else:
        name = CODEC_ALIASES.get(codec.lower(), codec.lower())
        if is_png(codec):
            raise UsageError(f"{path}: codec png makes a folder of PNGs; give a path without {suffix}")
        if name not in CODECS:
            near = get_close_matches(name, [*CODECS, *CODEC_ALIASES, PNG], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"codec {codec} is not known{hint} (there are {', '.join([*CODECS, PNG])})")
        served = CODECS[name].suffixes.get(pixels, ())
        if suffix not in served:
            if not served:
                able = [each for each, rule in CODECS.items() if pixels in rule.suffixes]
                raise UsageError(f"{path}: {name} cannot hold {_WHAT[pixels]}; use {_listed(able)}, or leave it out")
            raise UsageError(f"{path}: {name} with {_WHAT[pixels]} goes into {_listed(served)}, not {suffix}")
    rule = CODECS[name]
    if crf is not None:
        if rule.crf is None:
            raise UsageError(f"crf {crf}: {name} has no crf; leave it out")
        if not rule.crf[0] <= crf <= rule.crf[1]:
            raise UsageError(f"crf {crf} is out of range: {name} takes {rule.crf[0]} (best) to {rule.crf[1]}")
    if preset is not None and preset not in rule.presets:
        if not rule.presets:
            raise UsageError(f"preset {preset}: {name} has no presets; leave it out")
        if rule.presets[0] == "0":
            raise UsageError(f"preset {preset}: {name} takes 0 (slowest) to {rule.presets[-1]}")
        near = get_close_matches(preset, rule.presets, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"preset {preset} is not known{hint} ({name} takes {', '.join(rule.presets)})")
    return name


def default_suffix(
    source: str | os.PathLike[str] | StreamInfo,
    pixels: Pixels = "rgb",
    *,
    stills: bool = False,
    codec: str | None = None,
) -> str:
    """The suffix of an output that stands beside its input: the input's own where it can hold the result.

    Args:
        source: The input's path or bare suffix (``.mp4``), or what is known of the stream.
        pixels: What the output holds.
        stills: The input is a picture; taken from the stream where that is given.
        codec: What a video is to be encoded by; ``None``, or one that is not known, for the suffix's own.

    Returns:
        A suffix with its dot, lower case; empty for a folder of PNGs (codec png; a folder or glob).
    """
    if isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
    else:
        name, stills = source.name, stills or source.stills
    suffix = name.lower() if name.startswith(".") and name.count(".") == 1 else Path(name).suffix.lower()
    if any(mark in name for mark in "*?[") or (not suffix and name not in ("", "-")):
        return ""
    if stills or suffix in PICTURES["rgb"]:
        return suffix if suffix in PICTURES[pixels] and not is_png(codec) else ".png"
    if is_png(codec):
        return ""
    rule = None if codec is None else CODECS.get(CODEC_ALIASES.get(codec.lower(), codec.lower()))
    served = () if rule is None else rule.suffixes.get(pixels, ())
    if served:
        return suffix if suffix in served else served[0]
    if suffix in DEFAULT_CODEC[pixels]:
        return suffix
    return ".mov" if pixels == "rgba" else ".mp4"


def is_png(codec: str | None) -> bool:
    """Whether a folder of PNGs is asked for, or a PNG, where a codec may be named."""
    return codec is not None and codec.lower() == PNG


def _require_place(final: Path, overwrite: bool) -> None:
    """The folder is there and can be written; what bears the name may go."""
    if not final.parent.is_dir():
        raise SinkError(f"{final}: there is no folder {final.parent}; make it first")
    if not os.access(final.parent, os.W_OK | os.X_OK):
        raise SinkError(f"{final}: the folder {final.parent} cannot be written")
    if not os.path.lexists(final):
        return
    if final.is_dir() and not final.suffix:
        require_replaceable(final)
    if not overwrite:
        raise UsageError(f"{final} exists; choose another name, or allow it with overwrite")
    if bool(final.suffix) == final.is_dir():
        kind = "a folder" if final.is_dir() else "a file"
        raise UsageError(f"{final} exists and is {kind}; choose another name")


def _video_choices(pixels: Pixels) -> str:
    return _listed(DEFAULT_CODEC[pixels])


def _listed(names: Iterable[str]) -> str:
    return " ".join(names)
