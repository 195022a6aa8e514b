"""Ctrl-C on the real command: it ends, what is finished stays playable, and the final name does not appear."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from tests.media import read_frames, write_clip


@pytest.fixture
def running(heeded_hangup, tmp_path):
    """The command in the middle of a clip that would take it minutes."""
    clip = write_clip(tmp_path / "long.mp4", frames=2000, size=(160, 120), audio="aac")
    command = [sys.executable, "-m", "livebg", "process", str(clip), "-o", str(tmp_path / "out.mp4")]
    process = subprocess.Popen(
        [*command, "--size", "128", "--matte-out", str(tmp_path / "mattes")], stderr=subprocess.PIPE, text=True
    )
    try:
        # The first plain progress line: frames are flowing.
        assert any("frames," in line for line in process.stderr)
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_keeps_its_finished_part(running, tmp_path, number):
    running.send_signal(number)
    # Two seconds are promised; a busy machine is given more, a hang is not.
    assert running.wait(timeout=20) == 130
    tail = running.stderr.read()
    assert "livebg: interrupted" in tail
    assert f"kept as {tmp_path / 'out.partial.mp4'}" in tail
    assert not (tmp_path / "out.mp4").exists()
    assert not (tmp_path / "mattes").exists()
    assert 0 < len(read_frames(tmp_path / "out.partial.mp4")) < 2000
    assert len(list((tmp_path / "mattes.partial").iterdir())) > 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_who_ignores_hangups_goes_on_after_one(demo_clip, tmp_path):
    out = tmp_path / "out.mp4"
    command = ["nohup", sys.executable, "-m", "livebg", "process", str(demo_clip), "-o", str(out), "--size", "64"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
        threading.Event().wait(0.01)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=100) == 0
    assert out.exists()
