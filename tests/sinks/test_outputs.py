"""What is refused before any work, and in which words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from livebg.errors import SinkError, UsageError
from livebg.sinks import check_output, codecs, default_suffix, open_sink, partial_path
from tests.sinks.clips import stream


def test_a_pipe_is_refused():
    with pytest.raises(UsageError, match="cannot go into a pipe"):
        check_output("-")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("out.xyz", {}, ["no encoder serves .xyz", ".mp4", ".mkv", ".mov", ".webm", "without a suffix"]),
        ("out.mp4", {"pixels": "rgba"}, [".mp4 cannot hold a transparent background", ".mov .webm", "without a suf"]),
        ("out.mkv", {"pixels": "rgba"}, [".mkv cannot hold a transparent background", ".mov .webm"]),
        ("out.jpg", {"pixels": "rgba", "stills": True}, [".jpg cannot hold alpha", ".png .webp"]),
        ("out.png", {}, ["a picture cannot hold a video", ".mp4"]),
        ("out.mp4", {"stills": True}, ["pictures on their own", ".png"]),
        ("out.gif", {"stills": True}, ["no encoder serves .gif", ".png"]),
        ("out.mp4", {"crf": -1}, ["crf -1 is out of range", "0 (best) to 51"]),
        ("out.mp4", {"crf": 52}, ["crf 52 is out of range"]),
        ("out.webm", {"crf": 64}, ["crf 64 is out of range", "vp9", "63"]),
        ("out.mov", {"pixels": "rgba", "crf": 5}, ["prores has no crf"]),
        ("out", {"crf": 5}, ["crf 5 is for video"]),
        ("out", {"codec": "h264"}, ["codec h264 is for video"]),
        ("out.mp4", {"codec": "h26"}, ["codec h26 is not known; did you mean h26", "prores"]),
        ("out.mp4", {"codec": "zzz"}, ["codec zzz is not known (there are h264"]),
        ("out.mp4", {"codec": "png"}, ["codec png makes a folder of PNGs; give a path without .mp4"]),
        ("out.jpg", {"codec": "png", "stills": True}, ["codec png makes PNGs; give a name that ends in .png"]),
        ("out.mp4", {"codec": "pgn"}, ["did you mean png?"]),
        ("out", {"codec": "png", "crf": 3}, ["crf 3 is for video"]),
        ("out.webm", {"codec": "h264"}, ["h264", "goes into .mp4 .mkv .mov", "not .webm"]),
        ("out.mov", {"pixels": "rgba", "codec": "h264"}, ["h264 cannot hold a transparent background", "vp9 prores"]),
        ("out.mp4", {"preset": "slowest"}, ["preset slowest is not known; did you mean slow", "ultrafast"]),
        ("out.mp4", {"preset": "99", "codec": "av1"}, ["av1 takes 0 (slowest) to 13"]),
        ("out.mp4", {"codec": "prores"}, ["prores with a video goes into .mov, not .mp4"]),
        ("out.mov", {"pixels": "rgba", "preset": "fast"}, ["prores has no presets"]),
        ("..", {}, ["give the output a name"]),
    ],
)  # fmt: skip
def test_refused(tmp_path, name, options, words):
    with pytest.raises(UsageError) as caught:
        check_output(tmp_path / name, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("out.mp4", {}),
        ("out.MP4", {"codec": "HEVC", "crf": 20, "preset": "fast"}),
        ("out.mp4", {"codec": "av1", "preset": "8"}),
        ("out.webm", {"pixels": "rgba", "crf": 0, "preset": "4"}),
        ("out.mov", {"pixels": "rgba", "codec": "prores"}),
        ("out.mov", {"codec": "prores"}),
        ("out", {"codec": "png"}),
        ("out", {"codec": "png", "pixels": "rgba"}),
        ("out.png", {"codec": "png", "stills": True}),
        ("out.m4v", {}),
        ("out", {"pixels": "rgba"}),
        ("out", {"stills": True}),
        ("out.jpg", {"stills": True}),
        ("out.png", {"stills": True, "pixels": "rgba"}),
        ("matte.mp4", {"pixels": "gray"}),
    ],
)
def test_allowed(tmp_path, name, options):
    check_output(tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


def test_existing_outputs(tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"")
    with pytest.raises(UsageError, match=r"out\.mp4 exists"):
        check_output(tmp_path / "out.mp4")
    check_output(tmp_path / "out.mp4", overwrite=True)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_output(tmp_path / "folder.mp4", overwrite=True)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="is a file"):
        check_output(tmp_path / "file", overwrite=True)


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "a.png").write_bytes(b"")
    check_output(home, overwrite=True)
    (home / "letter.txt").write_bytes(b"dear")
    with pytest.raises(UsageError, match=r"holds letter\.txt"):
        check_output(home, overwrite=True)
    with pytest.raises(UsageError, match=r"holds letter\.txt: name a file in it, or a new folder for PNGs"):
        check_output(home)  # that --overwrite allowed it would be untrue
    with pytest.raises(UsageError, match=r"holds letter\.txt"):
        open_sink(home, stream(), overwrite=True)
    assert (home / "letter.txt").read_bytes() == b"dear"


def test_a_folder_that_does_not_say_what_it_holds(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    (tmp_path / "home").mkdir()
    monkeypatch.setattr(Path, "iterdir", refuse)  # root is refused nowhere
    for overwrite in (False, True):
        with pytest.raises(SinkError, match=r"home is a folder that cannot be read \(Permission denied\): choose"):
            check_output(tmp_path / "home", overwrite=overwrite)


def test_folders_that_cannot_be_written(tmp_path):
    with pytest.raises(SinkError, match="there is no folder"):
        check_output(tmp_path / "missing" / "out.mp4")
    with pytest.raises(SinkError, match="there is no folder"):
        open_sink(tmp_path / "missing" / "out", stream())


@pytest.mark.parametrize("name", ["out.mp4", "out"])
def test_forbidden_folders(name):
    """The kernel's own folder refuses root too."""
    if not Path("/proc/self").is_dir():
        pytest.skip("needs /proc")
    with pytest.raises(SinkError, match="/proc/self cannot be written"):
        open_sink(Path("/proc/self") / name, stream())


@pytest.mark.parametrize(
    ("source", "pixels", "suffix"),
    [
        ("talk.mp4", "rgb", ".mp4"),
        ("talk.MKV", "rgb", ".mkv"),
        ("talk.avi", "rgb", ".mp4"),
        ("talk.gif", "rgb", ".mp4"),
        ("-", "rgb", ".mp4"),
        ("talk.mp4", "rgba", ".mov"),
        ("talk.webm", "rgba", ".webm"),
        ("talk.mkv", "rgba", ".mov"),
        ("talk.avi", "gray", ".mp4"),
        ("face.jpg", "rgb", ".jpg"),
        ("face.jpg", "rgba", ".png"),
        ("face.jpg", "gray", ".jpg"),
        ("folder", "rgba", ""),
        ("pictures/*.jpg", "rgb", ""),
        (".webm", "rgb", ".webm"),
        ("", "rgb", ".mp4"),
        (stream(name="a.heic", stills=True), "rgb", ".png"),
        (stream(name="a.mov"), "rgba", ".mov"),
    ],
)
def test_default_suffix(source, pixels, suffix):
    assert default_suffix(source, pixels) == suffix


@pytest.mark.parametrize(
    ("source", "pixels", "codec", "suffix"),
    [
        ("talk.mp4", "rgb", "prores", ".mov"),
        ("talk.mov", "rgb", "ProRes", ".mov"),
        ("talk.mov", "rgba", "vp9", ".webm"),
        ("talk.mkv", "rgb", "vp9", ".mkv"),
        ("talk.mov", "rgb", "hevc", ".mov"),
        ("talk.webm", "rgb", "h264", ".mp4"),
        ("talk.avi", "rgb", "av1", ".mp4"),
        ("talk.mp4", "rgba", "h264", ".mov"),  # it holds no alpha, which is told of whatever name
        ("talk.mp4", "rgb", "h246", ".mp4"),
        ("face.jpg", "rgb", "vp9", ".jpg"),
        ("talk.mp4", "rgba", "PNG", ""),
        ("face.jpg", "rgb", "png", ".png"),
    ],
)
def test_default_suffix_for_a_codec(source, pixels, codec, suffix):
    assert default_suffix(source, pixels, codec=codec) == suffix


def test_partial_names():
    assert partial_path("a/talk.mp4") == Path("a/talk.partial.mp4")
    assert partial_path("a/frames") == Path("a/frames.partial")


def test_codecs_say_what_is_there():
    found = {report.name: report for report in codecs()}
    assert set(found) == {"h264", "h265", "av1", "vp9", "prores"}
    assert all(report.there for report in found.values())
    assert found["prores"].suffixes == found["prores"].alpha == (".mov",)
    assert ".mp4" in found["h264"].suffixes
    assert not found["h264"].alpha


def test_the_package_does_not_load_ffmpeg():
    code = "import sys, livebg.sinks as s; s.check_output('out.mp4'); print('av' in sys.modules, 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
