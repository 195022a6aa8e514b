"""Every way of failing: the error arrives in one line, nothing bears the final name, nothing is left half made."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from livebg.errors import SinkError
from livebg.frame import Frame
from livebg.sinks import open_sink, partial_path, verify
from livebg.sinks import video as video_module
from livebg.sinks.recording import open_recording
from livebg.sinks.verify import Written, verify_video
from tests.media import read_frames, read_number, read_times, write_clip
from tests.sinks.clips import frames, hidden, steady, stream, write

# Noise soon reaches the limit. A limit on the size of files stands for a full disk where none can be mounted.
FILL = """
import resource, sys
from fractions import Fraction
import numpy as np
from livebg.errors import SinkError
from livebg.frame import Frame, StreamInfo
from livebg.sinks import WriteBehind, open_sink
path, pixels, limit, behind = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "behind"
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = np.random.default_rng(0)
channels = {"rgb": 3, "rgba": 4}[pixels]
info = StreamInfo("x", 160, 120, time_base=Fraction(1, 25), rate=Fraction(25))
try:
    sink = open_sink(path, info, pixels=pixels)
    with WriteBehind(sink) if behind else sink as sink:
        for index in range(200):
            image = noise.integers(0, 256, (120, 160, channels), dtype=np.uint8)
            sink.write(Frame(image, pts=Fraction(index, 25), index=index))
        sink.finish()
except SinkError as error:
    print(error)
"""
OUTPUTS = [("out.mp4", "rgb"), ("out.mkv", "rgb"), ("out.webm", "rgb"), ("out.mov", "rgba"), ("out", "rgb")]


def fill(path, pixels, limit=0, behind="straight"):
    command = [sys.executable, "-c", FILL, str(path), pixels, str(limit), behind]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2], check=True
    )
    return done.stdout.splitlines(), done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize(
    ("name", "pixels", "behind"),
    [(*output, "straight") for output in OUTPUTS] + [("out.mp4", "rgb", "behind"), ("out", "rgb", "behind")],
)
def test_a_file_that_may_not_grow(tmp_path, name, pixels, behind):
    """A limit on files does not count for what lies behind their end: no room can be kept, and FFmpeg meets it."""
    path = tmp_path / name
    (line,), said = fill(path, pixels, limit=50_000, behind=behind)
    assert f"{path}: " in line
    assert "File too large" in line
    assert not path.exists()
    assert not hidden(tmp_path)
    lost = path.suffix in (".mp4", ".mov")
    assert said == (f"nothing is kept of {path}: without its end it does not play; a .mkv does\n" if lost else "")
    if lost:
        assert not partial_path(path).exists()
    if path.suffix in (".mkv", ".webm"):
        assert len(read_times(partial_path(path))) > 1


@pytest.mark.parametrize(("name", "pixels"), OUTPUTS)
def test_full_disk(small_disk, name, pixels):
    path = small_disk / name
    (line,), said = fill(path, pixels)
    assert "No space left on device" in line
    assert not path.exists()
    assert not hidden(small_disk)
    assert said == ""
    if path.suffix:
        assert len(read_times(partial_path(path))) > 1


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_size_change(tmp_path):
    first, second = frames(steady(2))
    with open_sink(tmp_path / "out.mp4", stream()) as sink:
        sink.write(first)
        with pytest.raises(SinkError, match="frame 1 is 32x24, the stream began as 64x48"):
            sink.write(second.with_image(np.ascontiguousarray(second.image[::2, ::2])))
    assert len(read_times(tmp_path / "out.partial.mp4")) == 1


def test_no_frame_is_no_success(tmp_path):
    with open_sink(tmp_path / "out.mp4", stream()) as sink, pytest.raises(SinkError, match="no frame to write"):
        sink.finish()
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_fails_says_so(tmp_path, monkeypatch):
    with open_sink(tmp_path / "out.mp4", stream()) as sink:
        one, two = frames(steady(2))
        sink.write(one)
        monkeypatch.setattr(sink, "_planes", _broken)
        with pytest.raises(SinkError, match=r"cannot write .*out\.mp4"):
            sink.write(two)
    assert not (tmp_path / "out.mp4").exists()


def _broken(image):
    raise av.error.InvalidDataError(1, "broken")


@pytest.fixture
def complete(tmp_path):
    """A clip with sound, and what is true of it."""
    path = write_clip(tmp_path / "clip.mp4", frames=10, audio="aac", audio_offset=Fraction(1, 5))
    audio = {1: (Fraction(1, 5) - Fraction(1024, 48000), Fraction(1024, 48000))}
    return path, Written(10, Fraction(0), Fraction(10, 25), Fraction(1, 25), audio=audio)


def test_verification_passes_what_is_right(complete):
    verify_video(*complete)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("frames", 11, "it has 10 frames, not 11"),
        ("first", Fraction(1, 2), r"it begins at 0\.000 s, not 0\.500 s"),
        ("end", Fraction(1, 2), r"it ends at 0\.400 s, not 0\.500 s"),
        ("alpha", True, "it has no alpha"),
        ("audio", {1: (Fraction(1, 3), Fraction(1, 50))}, "audio stream 1 begins at"),
        ("audio", {2: (Fraction(1, 5), Fraction(1, 50))}, "audio stream 2 is missing"),
        ("audio", {0: (Fraction(1, 5), Fraction(1, 50))}, "audio stream 0 is missing"),
    ],
)
def test_verification_catches(complete, field, value, words):
    path, written = complete
    setattr(written, field, value)
    with pytest.raises(SinkError, match=words):
        verify_video(path, written)


@pytest.mark.parametrize("suffix", ["mkv", "webm"])
def test_verification_counts_where_there_is_no_index(tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    write(path, stream(), frames(steady(7)))
    with av.open(str(path)) as container:
        assert not container.streams.video[0].frames
    right = Written(7, Fraction(0), Fraction(6, 25) + Fraction(40001, 90000), Fraction(1, 2))
    verify_video(path, right)
    right.frames = 8
    with pytest.raises(SinkError, match="it has 7 frames, not 8"):
        verify_video(path, right)


@pytest.mark.parametrize("suffix", ["mov", "webm"])
def test_verification_knows_that_alpha_is_missing(tmp_path, suffix):
    opaque = tmp_path / f"out.{suffix}"
    write(opaque, stream(), frames(steady(2)))
    assert not verify._has_alpha(opaque)
    clear = tmp_path / f"clear.{suffix}"
    write(clear, stream(), frames(steady(2), pixels="rgba"), pixels="rgba")
    assert verify._has_alpha(clear)


def test_verification_of_what_is_no_video(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_text("not a video")
    with pytest.raises(SinkError, match="cannot be read again"):
        verify_video(path, Written(1))
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as output:
        stream_ = output.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        output.mux(stream_.encode(frame) + stream_.encode(None))
    with pytest.raises(SinkError, match="no picture"):
        verify_video(sound, Written(1))


def test_a_mismatch_keeps_the_final_name_free(tmp_path):
    """A muxer that loses a packet, as a disk might."""
    path = tmp_path / "out.mp4"
    with open_sink(path, stream()) as sink:
        for frame in frames(steady(5)):
            sink.write(frame)
        sink._written.frames += 1
        with pytest.raises(SinkError, match=r"out\.mp4 was not written as it should be: it has 5 frames, not 6"):
            sink.finish()
    assert not path.exists()
    assert len(read_times(partial_path(path))) == 5


@pytest.mark.parametrize("nth", [1, 4, 30])
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
@pytest.mark.parametrize("opened", [open_sink, open_recording], ids=["file", "live"])
def test_interrupted_while_the_encoder_is_flushed(tmp_path, opened, name, nth):
    """What was written, what the encoder still held and the packet in between: all of it is kept, none of it twice."""
    path = tmp_path / name
    with opened(path, stream(), preset="medium") as sink:  # which holds back all 30
        inner = getattr(sink, "_sink", sink)
        for frame in frames(steady(30)):
            inner.write(frame)
        inner._durations = CtrlC(inner._durations, nth)
        with pytest.raises(KeyboardInterrupt):
            sink.finish()
    assert not path.exists()
    assert not hidden(tmp_path)
    shown = read_frames(partial_path(path))
    assert [read_number(image) for image in shown] == list(range(30))


class CtrlC(dict):
    """Ctrl-C where it comes out: Python sees it at the first call after the encoder has given the n-th packet.

    No signal is sent: where it comes out would be left to chance.
    """

    def __init__(self, content, nth):
        super().__init__(content)
        self._left = nth

    def get(self, *args):
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt
        return super().get(*args)


def test_closing_takes_from_the_encoder_only_what_time_allows(tmp_path, monkeypatch):
    monkeypatch.setattr(video_module, "_CLOSE_SECONDS", -1.0)
    with open_sink(tmp_path / "out.mp4", stream()) as sink:
        for frame in frames(steady(40)):
            sink.write(frame)
        written = sink._written.frames
    assert 0 < written < 40
    assert len(read_times(tmp_path / "out.partial.mp4")) == written + 1


@pytest.mark.parametrize("finished", [False, True], ids=["cut short", "finished"])
def test_what_plays_is_kept_where_a_folder_bears_its_name(tmp_path, finished):
    path = tmp_path / "out.mp4"
    partial_path(path).mkdir()
    with open_sink(path, stream()) as sink:
        for frame in frames(steady(30)):
            sink.write(frame)
        if finished:
            path.mkdir()
            with pytest.raises(SinkError, match="appeared"):
                sink.finish()
    (kept,) = (each for each in tmp_path.iterdir() if each.is_file())
    assert kept.name.startswith("out.partial-")
    assert len(read_times(kept)) == 30


def test_a_frame_of_another_kind_does_not_end_the_file(tmp_path):
    with open_sink(tmp_path / "out.mp4", stream()) as sink:
        with pytest.raises(SinkError, match="opened for rgb"):
            sink.write(Frame(np.zeros((48, 64), np.uint8)))
        for frame in frames(steady(3)):
            sink.write(frame)
        sink.finish()
    assert len(read_times(tmp_path / "out.mp4")) == 3
