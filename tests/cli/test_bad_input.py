"""Bad input, and what it gets: one line that names the file and the cure, the right exit code, nothing left behind."""

from __future__ import annotations

import av
import numpy as np
import pytest

from tests.cli.conftest import QUICK
from tests.media import read_frames, read_times, write_clip


def missing(folder):
    return [folder / "absent.mp4"], 1, "absent.mp4"


def no_pictures(folder):
    (folder / "empty").mkdir()
    return [folder / "empty"], 1, "neither clips nor pictures"


def text_named_mp4(folder):
    (folder / "talk.mp4").write_text("not a video at all, only words\n" * 20)
    return [folder / "talk.mp4"], 1, "talk.mp4"


def zero_bytes(folder):
    (folder / "talk.mp4").touch()
    return [folder / "talk.mp4"], 1, "talk.mp4"


def audio_only(folder):
    with av.open(str(folder / "talk.m4a"), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 48000), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        output.mux([*stream.encode(frame), *stream.encode(None)])
    return [folder / "talk.m4a"], 1, "no video"


def good(folder, *options, name="talk.mp4"):
    return [write_clip(folder / name, frames=3), *options]


def unwritable_folder(folder):
    (folder / "file").touch()
    return good(folder, "-o", folder / "file" / "out.mp4"), 1, "out.mp4"


def absent_folder(folder):
    return good(folder, "-o", folder / "absent" / "out.mp4"), 1, "absent"


def unknown_suffix(folder):
    return good(folder, "-o", folder / "out.xyz"), 2, ".mp4"


def transparent_mp4(folder):
    return good(folder, "-o", folder / "out.mp4", "--background", "transparent"), 2, ".webm"


def absent_background(folder):
    return good(folder, "--background", folder / "beach.jpg"), 1, "beach.jpg"


def misspelt_background(folder):
    return good(folder, "--background", "transparant"), 2, "transparent"


def misspelt_colour(folder):
    return good(folder, "--background", "color:tael"), 2, "teal"


def misspelt_model(folder):
    return good(folder, "--model", "u2nte"), 2, "u2net"


def absent_model(folder):
    return good(folder, "--model", folder / "mine.onnx"), 1, "mine.onnx"


def negative_crf(folder):
    return good(folder, "--crf", "-4"), 2, "--crf -4"


def misspelt_codec(folder):
    return good(folder, "--codec", "h246"), 2, "h264"


def unknown_option(folder):
    return good(folder, "--bakground", "blur"), 2, "--background"


def unknown_preset(folder):
    return good(folder, "--config", "papre"), 2, "paper"


def no_gpu(folder):
    return good(folder, "--device", "cuda:7"), 1, "cuda:7"


def existing_output(folder):
    (folder / "out.mp4").write_bytes(b"precious")
    return good(folder, "-o", folder / "out.mp4"), 2, "overwrite"


def output_is_input(folder):
    return good(folder, "-o", folder / "talk.mp4", "--overwrite"), 2, "talk.mp4"


def one_file_for_several(folder):
    other = write_clip(folder / "other.mp4", frames=3)
    return good(folder, other, "-o", folder / "out.mp4"), 2, "several inputs"


def same_stem_twice(folder):
    (folder / "deep").mkdir()
    other = write_clip(folder / "deep" / "talk.mp4", frames=3)
    return good(folder, other, "-o", folder / "all"), 2, "talk.mp4"


def size_change_strict(folder):
    return [two_sizes(folder), "--strict"], 1, "size"


def truncated_strict(folder):
    return [truncated(folder), "--strict"], 1, "talk.mp4"


@pytest.mark.parametrize(
    "case",
    [
        missing,
        no_pictures,
        text_named_mp4,
        zero_bytes,
        audio_only,
        unwritable_folder,
        absent_folder,
        unknown_suffix,
        transparent_mp4,
        absent_background,
        misspelt_background,
        misspelt_colour,
        misspelt_model,
        absent_model,
        negative_crf,
        misspelt_codec,
        unknown_option,
        unknown_preset,
        no_gpu,
        existing_output,
        output_is_input,
        one_file_for_several,
        same_stem_twice,
        size_change_strict,
        truncated_strict,
    ],
)
def test_bad_input_gets_one_line_and_leaves_nothing(livebg_command, tmp_path, case):
    arguments, code, message = case(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = livebg_command("process", *arguments, *QUICK)
    assert result.code == code, result
    assert message in result.err, result.err
    assert "Traceback" not in result.err
    ours = [line for line in result.err.splitlines() if line.startswith(("livebg:", "Error:"))]
    assert len([line for line in ours if "kept as" not in line]) == 1, result.err
    kept = {path for path in tmp_path.rglob("*") if path.is_file() and ".partial" in path.name}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path not in kept} == before


def truncated(folder):
    """The first two thirds of a clip whose index stands in front."""
    whole = write_clip(
        folder / "whole.mp4",
        frames=[np.random.default_rng(index).integers(0, 256, (48, 64, 3), np.uint8) for index in range(30)],
        container_options={"movflags": "faststart"},
    )
    path = folder / "talk.mp4"
    content = whole.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    whole.unlink()
    return path


def two_sizes(folder):
    """An MPEG transport stream whose pictures change their size half-way."""
    path = folder / "sizes.ts"
    parts = [write_clip(folder / f"{size[0]}.ts", frames=10, size=size) for size in ((64, 48), (96, 72))]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


def test_what_decodes_of_a_truncated_file_is_processed_and_the_loss_reported(livebg_command, tmp_path):
    out = tmp_path / "out.mp4"
    result = livebg_command("process", truncated(tmp_path), "-o", out, "--size", "64")
    assert result.code == 0, result.err
    assert 10 <= len(read_times(out)) < 30
    assert "note:" in result.out


def test_a_size_change_in_mid_stream_is_scaled_and_said(livebg_command, tmp_path):
    out = tmp_path / "out.mp4"
    result = livebg_command("process", two_sizes(tmp_path), "-o", out, "--size", "64")
    assert result.code == 0, result.err
    assert {frame.shape for frame in read_frames(out)} == {(48, 64, 3)}
    assert "note:" in result.out


@pytest.mark.parametrize("size", [(1, 1), (63, 47)])
def test_tiny_and_odd_sizes_are_processed(livebg_command, tmp_path, size):
    source = write_clip(tmp_path / "odd.mkv", frames=3, size=size, codec="ffv1", pix_fmt="bgr0", options={})
    out = tmp_path / "out.mkv"
    result = livebg_command("process", source, "-o", out, *QUICK)
    assert result.code == 0, result.err
    assert len(read_frames(out)) == 3


def test_a_wrong_checksum_is_an_error_that_names_the_file(livebg_command, clip, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("LIVEBG_HOME", str(cache))
    monkeypatch.setenv("LIVEBG_OFFLINE", "1")
    result = livebg_command("process", clip, "--model", "u2netp", "-o", tmp_path / "out.mp4", *QUICK)
    assert result.code == 1
    assert "LIVEBG_OFFLINE" in result.err
    assert str(cache) in result.err
    assert not (tmp_path / "out.mp4").exists()


def test_debug_shows_the_traceback(livebg_command, tmp_path, monkeypatch):
    import sys

    import livebg.cli
    from livebg.errors import SourceError

    monkeypatch.setattr(sys, "argv", ["livebg", "process", str(tmp_path / "absent.mp4"), "--debug"])
    with pytest.raises(SourceError):
        livebg.cli.main()
