"""Segmentation ahead: every frame gets its own matte, errors arrive where they belong, and nothing hangs."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from threading import Barrier, Event
from time import monotonic

import numpy as np
import pytest

from livebg.build import open_segmenter
from livebg.config import Config
from livebg.errors import DeviceError
from livebg.frame import Frame, Matte
from livebg.job import do
from livebg.plan import Job
from livebg.segment.ahead import SegmentAhead, lanes_at_work
from livebg.sources import open_source
from tests.fakes import FakeSegmenter, FakeSource, gradient
from tests.media import write_clip

COUNT = 12


class Marked(FakeSegmenter):
    """A frame's matte holds its index; ``before`` is called first, in the lane."""

    def __init__(self, before=lambda frame: None) -> None:
        super().__init__(lambda frame: np.full((2, 2), frame.index / 100, np.float32))
        self.before = before
        self.asked: list[int] = []

    def segment(self, frame: Frame) -> Matte:
        self.asked.append(frame.index)
        self.before(frame)
        return super().segment(frame)


def source(count: int = COUNT) -> FakeSource:
    return FakeSource([gradient(seed=seed) for seed in range(count)])


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_every_frame_gets_its_own_matte_in_order(lanes):
    with SegmentAhead(source(), Marked(), lanes) as ahead:
        seen = [(frame.index, round(float(ahead.segment(frame).alpha[0, 0]) * 100)) for frame in ahead]
    assert seen == [(index, index) for index in range(COUNT)]


def test_a_slow_frame_is_not_overtaken():
    """Frame 0 ends only when frame 2, of the other lane, is under way; it still comes first and with its own matte."""
    later = Event()

    def before(frame: Frame) -> None:
        if frame.index == 2:
            later.set()
        if frame.index == 0:
            assert later.wait(10)

    with SegmentAhead(source(), Marked(before), 2) as ahead:
        assert [round(float(ahead.segment(frame).alpha[0, 0]) * 100) for frame in ahead] == list(range(COUNT))


def test_lanes_run_at_once():
    together = Barrier(2)
    with SegmentAhead(source(), Marked(lambda frame: together.wait(10) and None), 2) as ahead:
        assert len([ahead.segment(frame) for frame in ahead]) == COUNT  # a barrier that breaks raises


def test_no_more_is_read_than_is_under_way():
    segmenter = Marked()
    with SegmentAhead(source(), segmenter, 2) as ahead:
        for frame in ahead:
            ahead.segment(frame)
            assert max(segmenter.asked) <= frame.index + 3


def test_a_failure_arrives_at_its_own_frame():
    def before(frame: Frame) -> None:
        if frame.index == 4:
            raise DeviceError("out of memory")

    with SegmentAhead(source(), Marked(before), 2) as ahead:
        frames = iter(ahead)
        for _ in range(4):
            ahead.segment(next(frames))
        fifth = next(frames)
        with pytest.raises(DeviceError, match="out of memory"):
            ahead.segment(fifth)


def test_a_matte_is_given_to_no_other_frame():
    with SegmentAhead(source(), Marked(), 2) as ahead:
        frames = iter(ahead)
        first = next(frames)
        with pytest.raises(ValueError, match="frame 7 is not the next one"):
            ahead.segment(Frame(gradient(), index=7))
        ahead.segment(first)
        with pytest.raises(ValueError, match="frame 0 is not the next one"):
            ahead.segment(first)


def test_close_does_not_wait_for_a_frame_that_hangs():
    begun, released = Event(), Event()
    inner = source()

    def before(frame: Frame) -> None:
        begun.set()
        released.wait(20)

    segmenter = Marked(before)
    ahead = SegmentAhead(inner, segmenter, 1)
    next(iter(ahead))
    assert begun.wait(5)
    started = monotonic()
    ahead.close()
    assert monotonic() - started < 2  # the bound that the protocol promises
    assert inner.closed == 1
    assert lanes_at_work()
    released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("segment"):
            thread.join(10)
            assert not thread.is_alive()
    assert not lanes_at_work()
    assert segmenter.asked == [0]  # those that waited were not begun


def test_no_lane_is_left_and_none_is_waited_for_where_none_is_busy():
    idle = SegmentAhead(source(), Marked(), 2)
    idle.close()  # never begun
    ahead = SegmentAhead(source(), Marked(), 3)
    frames = iter(ahead)
    for _ in range(4):
        ahead.segment(next(frames))
    ahead.close()
    assert not lanes_at_work()


def test_frames_that_nobody_segments_are_an_error_and_not_kept():
    with SegmentAhead(source(), Marked(), 2) as ahead, pytest.raises(ValueError, match="was not asked for"):
        list(ahead)


@pytest.mark.parametrize("error", [DeviceError("the cable is out"), RuntimeError("a bug")])
def test_an_error_of_the_source_comes_behind_the_frames_before_it(error):
    inner = FakeSource([gradient()] * COUNT, error=error, at=5)
    with SegmentAhead(inner, Marked(), 2) as ahead:
        frames = iter(ahead)
        for index in range(5):
            frame = next(frames)
            assert frame.index == index
            ahead.segment(frame)
        with pytest.raises(type(error), match=str(error)):
            next(frames)


def test_a_program_that_is_interrupted_does_not_wait_for_a_slow_frame(tmp_path):
    """The command, with a network whose frames take a minute: it ends in two seconds, by its own code."""
    script = tmp_path / "slow.py"
    script.write_text(
        "import os, signal, sys, threading\n"
        "from livebg.cli import main\n"
        "from livebg.segment import Segmenter\n"
        "def slow(self, frame):\n"
        "    if frame.index == 0:\n"  # a second signal would end it at once
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    threading.Event().wait(60)\n"
        "Segmenter.segment = slow\n"
        "main()\n",
        encoding="utf-8",
    )
    clip = str(write_clip(tmp_path / "clip.mkv", frames=9))
    command = [sys.executable, str(script), "process", clip, "-o", str(tmp_path / "out.mp4"), "--model", "people-nano"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "livebg: interrupted")


@pytest.mark.parametrize("close", ["", "    ahead.close()\n"], ids=["left open", "closed"])
def test_a_program_that_ends_with_frames_in_the_network_ends_well(tmp_path, close):
    """The network's library must not come back to an interpreter that is gone; a frame here takes over a second."""
    script = tmp_path / "ends.py"
    script.write_text(
        "import sys\n"
        "from time import monotonic\n"
        "from livebg import ReadAhead, SegmentAhead, Segmenter, open_source\n"
        "class Slow(Segmenter):\n"
        "    def segment(self, frame):\n"
        "        until = monotonic() + 1.2\n"
        "        while monotonic() < until:\n"
        "            matte = super().segment(frame)\n"
        "        return matte\n"
        "def main():\n"
        "    source = ReadAhead(open_source(sys.argv[1]))\n"
        "    ahead = SegmentAhead(source, Slow('people-nano', device='cpu', lanes=2), lanes=2)\n"
        "    print(next(iter(ahead)))\n"
        f"{close}"
        "main()\n",
        encoding="utf-8",
    )
    clip = str(write_clip(tmp_path / "clip.mkv", frames=9))
    done = subprocess.run([sys.executable, str(script), clip], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Frame(0, 0.000 s, (48, 64, 3))\n", "")


def test_close_joins_what_ends_in_time():
    begun, ended = Event(), Event()

    def before(frame: Frame) -> None:
        begun.set()
        threading.Event().wait(0.05)
        ended.set()

    ahead = SegmentAhead(source(), Marked(before), 1)
    next(iter(ahead))
    assert begun.wait(5)
    ahead.close()
    assert ended.is_set()


def test_a_file_comes_out_the_same_with_one_lane_and_with_two(tmp_path: Path):
    """By the network that ships, through the whole job."""
    clip = str(write_clip(tmp_path / "clip.mkv", frames=9))
    config = Config().override({"segment": {"model": "people-nano", "device": "cpu", "runtime": "onnx", "threads": 1}})
    results = []
    for lanes in (1, 2):
        out = str(tmp_path / f"{lanes}.mkv")
        report = do(Job(clip, out), config, open_segmenter(config.segment, coarse=True, lanes=lanes))
        assert (report.frames, report.segmented) == (9, 9)
        with open_source(out) as made:
            results.append(np.stack([frame.image for frame in made]))
    assert np.array_equal(*results)
