"""Clips whose names are hard: for a shell, for FFmpeg, for a terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import QUICK
from tests.media import read_times, write_clip

HARD = (
    b"with space.mp4", b"it's \"quoted\".mp4", b"new\nline.mp4", b"-dash.mp4", b"--help.mp4", b"50%d.mp4", b"x:y.mp4",
    b"a*b?[c].mp4", b"back\\slash.mp4", b"two.dots.mp4", b"latin\xe9.mp4", "日本 🎥.mp4".encode(),
)  # fmt: skip


@pytest.fixture
def names(tmp_path) -> list[bytes]:
    """Those that this file system has room for: some have none for what is no UTF-8, or for a colon."""
    kept = []
    for name in HARD:
        path = tmp_path / os.fsdecode(name)
        try:
            path.touch()
        except OSError:
            continue
        path.unlink()
        kept.append(name)
    return kept


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such names come back as others")
@pytest.mark.parametrize("encoding", ["utf-8:strict", "iso-8859-1:strict"])
def test_a_folder_of_hard_names(tmp_path, names, encoding):
    clips, done = tmp_path / "clips", tmp_path / "done"
    clips.mkdir()
    clip = write_clip(tmp_path / "clip.mp4", frames=2)
    for name in names:
        (clips / os.fsdecode(name)).write_bytes(clip.read_bytes())
    call = subprocess.run(
        [sys.executable, "-m", "livebg", "process", clips, "-o", done, "--size", "64"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert call.returncode == 0, call.stderr
    assert sorted(os.fsencode(path.name) for path in done.iterdir()) == sorted(names) != []
    assert all(read_times(done / os.fsdecode(name)) == read_times(clip) for name in names if b":" not in name)
    assert call.stdout.count(b": 2 frames in") == len(names)


def test_a_codec_chooses_the_suffix_where_names_are_left_to_us(livebg_command, tmp_path):
    for name in ("a", "b"):
        write_clip(tmp_path / f"{name}.mp4", frames=2)
    call = ("process", tmp_path, "--codec")
    assert livebg_command(*call, "vp9", "--background", "transparent", "-o", tmp_path / "done", *QUICK).code == 0
    assert livebg_command(*call, "prores", "--matte-out", tmp_path / "mattes", *QUICK).code == 0
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["a.webm", "b.webm"]
    assert sorted(path.name for path in tmp_path.glob("*-livebg.*")) == ["a-livebg.mov", "b-livebg.mov"]
    assert sorted(path.name for path in (tmp_path / "mattes").iterdir()) == ["a.mp4", "b.mp4"]
