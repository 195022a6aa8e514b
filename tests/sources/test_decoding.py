"""Alpha of clips: what it hides stands on white, whichever decoder it takes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from livebg.frame import Colour
from livebg.sources import decoding, open_source
from livebg.sources.realtime import RealtimeSource
from tests.media import BT709, numbered, write_clip

if TYPE_CHECKING:
    from pathlib import Path

    from livebg.frame import Frame

VP8 = {"auto-alt-ref": "0", "crf": "4", "b": "2M"}  # libvpx has no alpha beside frames that nobody sees
FORMATS = [
    ("clip.mov", "png", "rgba", {}),
    ("clip.mov", "qtrle", "argb", {}),
    ("clip.mov", "prores_ks", "yuva444p10le", {"profile": "4444"}),
    ("clip.mkv", "ffv1", "yuva420p", {}),
    ("clip.webm", "libvpx", "yuva420p", VP8),
    ("clip.webm", "libvpx-vp9", "yuva420p", {"crf": "4"}),
]


def hidden(picture: np.ndarray, alpha: np.ndarray, pix_fmt: str) -> av.VideoFrame:
    """The picture with its colours kept under alpha 0."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.dstack([picture, alpha])), format="rgba")
    return frame.reformat(format=pix_fmt, src_colorspace=1, dst_colorspace=1, src_color_range=2, dst_color_range=1)


def left_hidden() -> np.ndarray:
    alpha = np.full((48, 64), 255, np.uint8)
    alpha[:, :32] = 0
    return alpha


def write_hidden(
    path: Path, codec: str, pix_fmt: str, options: dict[str, str], colour: Colour = BT709, rotation: int = 0
) -> Path:
    frames = [hidden(numbered(5), left_hidden(), pix_fmt) for _ in range(3)]
    for frame in frames:
        frame.color_primaries, frame.color_trc, frame.colorspace = colour.primaries, colour.transfer, colour.matrix
    return write_clip(
        path, frames=frames, codec=codec, pix_fmt=pix_fmt, options=options, colour=colour, rotation=rotation,
        video_tags={"alpha_mode": "1"} if path.suffix == ".webm" else {},
    )  # fmt: skip


def read(path: Path) -> tuple[list[Frame], list[str]]:
    with open_source(path) as source:
        return list(source), list(source.notes)


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "options"), FORMATS, ids=lambda each: str(each))
def test_what_alpha_hides_stands_on_white(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, options: dict[str, str]
) -> None:
    path = write_hidden(tmp_path / name, codec, pix_fmt, options)
    frames, notes = read(path)
    assert len(frames) == 3
    for frame in frames:
        assert frame.image[:, :28].min() >= 253  # nothing of the picture, but for what a lossy alpha leaves
        assert abs(frame.image[:, 36:].astype(int) - numbered(5)[:, 36:]).mean() < 4
    assert f"{path}: transparent pixels stand on white (3 frames)" in notes


def test_half_transparent_pixels_are_mixed_with_white(tmp_path: Path) -> None:
    alpha = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64).astype(np.uint8)
    path = write_clip(
        tmp_path / "clip.mov", frames=[hidden(numbered(5), alpha, "rgba")], codec="png", pix_fmt="rgba", colour=Colour()
    )
    share = alpha[..., None] / 255
    assert np.array_equal(read(path)[0][0].image, np.rint(numbered(5) * share + 255 * (1 - share)))


def test_alpha_turns_with_its_picture(tmp_path: Path) -> None:
    frames, _ = read(write_hidden(tmp_path / "clip.mov", "png", "rgba", {}, rotation=180))
    assert (frames[0].image[:, 32:] == 255).all()
    assert np.array_equal(frames[0].image[:, :32], numbered(5)[::-1, ::-1][:, :32])


def test_alpha_of_hdr(tmp_path: Path) -> None:
    hlg = Colour(9, 18, 9, False)
    path = write_hidden(tmp_path / "clip.mov", "prores_ks", "yuva444p10le", {"profile": "4444"}, hlg)
    frames, notes = read(path)
    assert any("HLG was tone-mapped" in note for note in notes)
    assert frames[0].image[:, :28].min() >= 253
    assert frames[0].image[:, 36:].max() < 253


def test_opaque_alpha_changes_nothing_and_says_nothing(tmp_path: Path) -> None:
    opaque = np.full((48, 64), 255, np.uint8)
    path = write_clip(
        tmp_path / "clip.mov",
        frames=[hidden(numbered(5), opaque, "rgba")],
        codec="png",
        pix_fmt="rgba",
        colour=Colour(),
    )
    frames, notes = read(path)
    assert np.array_equal(frames[0].image, numbered(5))
    assert notes == []


@pytest.mark.parametrize("colour", [BT709, Colour(9, 14, 9, True), Colour()], ids=str)
@pytest.mark.parametrize(("codec", "options"), [("libvpx", VP8), ("libvpx-vp9", {})])
def test_alpha_leaves_the_colours_as_they_are_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, options: dict[str, str], colour: Colour
) -> None:
    path = write_hidden(tmp_path / "clip.webm", codec, "yuva420p", options, colour)
    with open_source(path) as source:
        found = source.info.colour
    monkeypatch.setattr(decoding, "_KEEPS_ALPHA", {})
    with open_source(path) as source:
        assert source.info.colour == found


def test_alpha_that_nobody_can_decode_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_hidden(tmp_path / "clip.webm", "libvpx-vp9", "yuva420p", {})
    monkeypatch.setattr(decoding, "_KEEPS_ALPHA", {"vp9": "no-such-decoder"})
    frames, notes = read(path)
    assert len(frames) == 3
    assert notes == [f"{path}: its alpha is left out: this FFmpeg lacks libvpx, which alone decodes it"]


def test_a_webm_with_alpha_can_be_cut(tmp_path: Path) -> None:
    frames = [hidden(numbered(index), left_hidden(), "yuva420p") for index in range(60)]
    path = write_clip(
        tmp_path / "clip.webm", frames=frames, codec="libvpx-vp9", pix_fmt="yuva420p", options={"g": "10", "crf": "20"},
        video_tags={"alpha_mode": "1"},
    )  # fmt: skip
    with open_source(path, start=2) as source:
        cut = list(source)
    assert len(cut) == 10
    assert all(frame.image[:, :28].min() >= 253 for frame in cut)


@pytest.mark.parametrize(("codec", "options"), [("libvpx", VP8), ("libvpx-vp9", {})])
def test_a_webm_with_alpha_can_be_played_again(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    path = write_hidden(tmp_path / "clip.webm", codec, "yuva420p", options)
    with RealtimeSource(str(path)) as source:
        assert len(list(itertools.islice(source, 8))) == 8  # three a round
