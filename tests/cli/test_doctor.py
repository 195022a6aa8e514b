from __future__ import annotations

import sys

import pytest


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

    def no_device(**_):
        raise RuntimeError("'v4l2loopback' backend: no device\nsecond line")

    monkeypatch.setattr(pyvirtualcam, "Camera", no_device)
    result = livebg_command("doctor")
    assert "no device second line; to get one: sudo apt install v4l2loopback-dkms" in result.out
    assert "exclusive_caps=1" in result.out
