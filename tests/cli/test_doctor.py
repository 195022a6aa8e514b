from __future__ import annotations

import sys
from pathlib import Path

import pytest

from livebg.sinks.virtual_camera import LOOPBACK_CURE
from livebg.sources.devices import CameraDevice


def test_it_says_what_is_there_and_how_to_get_what_is_not(livebg_command, tmp_path, monkeypatch):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path))
    result = livebg_command("doctor")
    assert result.code == 0, result.err
    for title in ("versions", "compute", "encoders", "weights", "cameras", "virtual cameras"):
        assert f"{title}\n" in result.out
    assert "yes h264: libx264" in result.out
    assert "no  u2netp: livebg models pull u2netp" in result.out
    assert "yes cpu (onnx)" in result.out


@pytest.mark.skipif(sys.platform != "linux", reason="v4l2loopback is Linux's")
def test_a_missing_virtual_camera_comes_with_the_command_that_makes_one(livebg_command, monkeypatch):
    import pyvirtualcam

    def no_device(*_, **__):
        raise RuntimeError("'v4l2loopback' backend: no device\nsecond line")

    monkeypatch.setattr(pyvirtualcam, "Camera", no_device)
    result = livebg_command("doctor")
    assert f"no device; second line; to get one: {LOOPBACK_CURE}" in result.out


def test_cameras_are_those_that_a_stream_could_be_read_from(livebg_command, monkeypatch):
    found = [CameraDevice("/dev/video2", "Desk camera"), CameraDevice("1", "Another system's")]
    monkeypatch.setattr("livebg.sources.devices.cameras", lambda: found)
    assert "cameras\n  yes /dev/video2: Desk camera\n  yes 1: Another system's\n" in livebg_command("doctor").out
    found.clear()
    assert "cameras\n  no  none: plug one in" in livebg_command("doctor").out


@pytest.fixture
def module(monkeypatch, tmp_path):
    """A folder in place of the one where the kernel shows v4l2loopback."""
    from livebg.cli import doctor

    monkeypatch.setattr(doctor, "_LOOPBACK_MODULE", tmp_path / "v4l2loopback")
    return tmp_path / "v4l2loopback"


def load(module: Path, exclusive: str) -> None:
    (module / "parameters").mkdir(parents=True)
    (module / "version").write_text("0.13.2\n")
    (module / "parameters" / "exclusive_caps").write_text(f"{exclusive}\n")


@pytest.mark.skipif(sys.platform != "linux", reason="v4l2loopback is Linux's")
def test_it_says_which_programs_see_v4l2loopback(livebg_command, module):
    assert f"no  v4l2loopback: the module is not loaded: {LOOPBACK_CURE}\n" in livebg_command("doctor").out
    load(module, "N,N,N")
    out = livebg_command("doctor").out
    assert "no  v4l2loopback: 0.13.2, loaded without exclusive_caps: OBS, ffmpeg and VLC see it, Chrome" in out
    assert "modprobe v4l2loopback exclusive_caps=1" in out


@pytest.mark.skipif(sys.platform != "linux", reason="v4l2loopback is Linux's")
def test_with_exclusive_caps_all_programs_see_it(livebg_command, module):
    load(module, "Y,N,N")
    assert "yes v4l2loopback: 0.13.2, with exclusive_caps: every program" in livebg_command("doctor").out


@pytest.mark.skipif(sys.platform != "linux", reason="PipeWire is Linux's")
def test_a_missing_pipewire_comes_with_its_packages(livebg_command, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    out = livebg_command("doctor").out
    assert "no  pipewire: the PipeWire camera: gst-launch-1.0 is missing: sudo apt install pipewire" in out
