"""Options that would change nothing are refused where they were typed, and only there."""

from __future__ import annotations

import cv2
import pytest

from tests.cli.conftest import QUICK
from tests.cli.test_live import SMALL
from tests.media import numbered

IDLE = [
    (["--lookahead", "2", "--smooth", "off"], "--lookahead 2: it is for smoothing, which is off"),
    (["--light-wrap", "0.5", "--background", "transparent"], "--light-wrap 0.5: a transparent background"),
    (["--rate", "30"], "--rate 30: a clip keeps its own times"),
]
FILE = """
[input]
rate = 30
[smooth]
smooth = "off"
lookahead = 2
[compose]
background = "transparent"
light_wrap = 0.5
[output]
crf = 20
preset = "fast"
codec = "h264"
"""


@pytest.mark.parametrize(("options", "said"), IDLE)
def test_what_would_change_nothing_is_refused(livebg_command, clip, tmp_path, options, said):
    result = livebg_command("process", clip, *QUICK, *options)
    assert result.code == 2
    assert f"livebg: {said}" in result.err
    assert [each.name for each in tmp_path.iterdir()] == [clip.name]


def test_where_it_changes_something_it_is_taken(livebg_command, clip, tmp_path):
    options = ("--lookahead", "2", "--light-wrap", "0.5", "--background", "color:teal")
    assert livebg_command("process", clip, *QUICK, *options).code == 0
    options = ("--lookahead", "0", "--smooth", "off", "--light-wrap", "0", "--background", "transparent")
    assert livebg_command("process", clip, "-o", tmp_path / "out.mov", *QUICK, *options).code == 0


def test_a_file_may_say_more_than_a_call_needs(livebg_command, clip, tmp_path):
    (tmp_path / "mine.toml").write_text(FILE.partition("[output]")[0])
    result = livebg_command("process", clip, "-o", tmp_path / "out.mov", *QUICK, "--config", tmp_path / "mine.toml")
    assert result.code == 0, result.err


def test_the_file_turns_off_what_is_typed(livebg_command, clip, tmp_path):
    (tmp_path / "mine.toml").write_text(FILE.partition("[output]")[0])
    options = ("-o", tmp_path / "out.mov", "--config", tmp_path / "mine.toml", "--lookahead", "3")
    result = livebg_command("process", clip, *QUICK, *options)
    assert (result.code, "--lookahead 3: it is for smoothing" in result.err) == (2, True)


@pytest.mark.parametrize("given", ["folder", "pattern", "both"])
def test_the_rate_of_pictures(livebg_command, clip, tmp_path, given):
    folder = tmp_path / "shots"
    folder.mkdir()
    for index in range(2):
        cv2.imwrite(str(folder / f"{index}.png"), numbered(index))
    inputs = {"folder": [folder], "pattern": [folder / "*.png"], "both": [folder, clip]}[given]
    out = ("-o", tmp_path / "out.mp4") if given != "both" else ()
    result = livebg_command("process", *inputs, *out, "--rate", "30", *QUICK)
    assert result.code == 0, result.err


def test_the_rate_of_pictures_on_their_own(livebg_command, tmp_path):
    """A pattern that the shell has taken apart."""
    for index in range(2):
        cv2.imwrite(str(tmp_path / f"{index}.png"), numbered(index))
    result = livebg_command("process", *sorted(tmp_path.iterdir()), "--rate", "30", *QUICK)
    assert (result.code, "a pattern in quotes" in result.err) == (2, True)


@pytest.mark.parametrize("option", ["--crf", "--codec", "--preset"])
def test_live_encodes_only_recordings(livebg_command, clip, option):
    value = {"--crf": "20", "--codec": "h264", "--preset": "fast"}[option]
    result = livebg_command("live", "--camera", clip, *SMALL, option, value, "--duration", "0.2")
    assert result.code == 2
    assert f"livebg: {option} {value}: it is for a recording; leave it out, or add --record FILE" in result.err


def test_live_takes_a_file_that_says_how(livebg_command, clip, tmp_path):
    (tmp_path / "mine.toml").write_text("[output]" + FILE.partition("[output]")[2])
    common = ("live", "--camera", clip, *SMALL, "--duration", "0.2", "--control", "none")
    assert livebg_command(*common, "--config", tmp_path / "mine.toml").code == 0
    assert livebg_command(*common, "--crf", "20", "--record", tmp_path / "call.mp4").code == 0


def test_a_crop_beyond_the_camera_is_refused_at_the_start(livebg_command):
    """Its size is known once the camera is open; before a network is."""
    result = livebg_command("live", "--camera", "test", *SMALL, "--control", "none", "--crop", "160x96+2000+0")
    assert result.code == 2
    assert "--crop 160x96+2000+0 reaches beyond the camera's picture, which is 160x96" in result.err
