"""How a background is written, and what a slip of the finger gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageColor

from livebg.build import open_background
from livebg.compose import Blur, Plain, parse_background, parse_colour
from livebg.errors import UsageError


@pytest.mark.parametrize(("text", "strength"), [("blur", 0.5), ("blur:0", 0), ("blur:0.25", 0.25), ("Blur:1", 1)])
def test_blur(text, strength):
    spec = parse_background(text)
    assert (spec.kind, spec.strength) == ("blur", strength)
    Blur(spec.strength)


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("color:#1e1e1e", (30, 30, 30)),
        ("color:#1E1E1E", (30, 30, 30)),
        ("color:#fa0", (255, 170, 0)),
        ("color:teal", (0, 128, 128)),
        ("color:RebeccaPurple", (102, 51, 153)),
        ("COLOR: teal ", (0, 128, 128)),
    ],
)
def test_colour(text, colour):
    spec = parse_background(text)
    assert (spec.kind, spec.colour) == ("color", colour)
    Plain(spec.colour)


def test_every_name_of_css_level_4():
    assert len(ImageColor.colormap) == 148
    assert all(parse_colour(name) == ImageColor.getrgb(name) for name in ImageColor.colormap)


def test_transparent():
    assert parse_background("transparent").kind == "transparent"


@pytest.mark.parametrize(
    "text", ["beach.jpg", "./blur", "rooms/blur", "blur.png", "C:\\beach.jpg", "color.mp4", "https://example.org/a.mp4"]
)
def test_anything_else_is_a_path(text):
    spec = parse_background(text)
    assert (spec.kind, spec.path) == ("path", text)


def test_a_path_object_is_a_path_whatever_its_name():
    assert parse_background(Path("beach.jpg")).path == "beach.jpg"
    assert parse_background(Path("blur")).kind == "path"


@pytest.mark.parametrize("value", [np.zeros((4, 4, 3), np.uint8), (0, 128, 0), None])
def test_what_is_no_text_is_refused_in_one_line(value):
    kind = type(value).__name__
    with pytest.raises(UsageError, match=rf"^a background is blur, color:NAME, .* path, not {kind}$"):
        open_background(value)


def test_a_file_may_be_named_almost_like_a_keyword(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blurr").touch()
    assert parse_background("blurr").path == "blurr"


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("blurr", "did you mean blur?"),
        ("blurr:0.3", "did you mean blur:0.3?"),
        ("transparant", "did you mean transparent?"),
        ("transparent:5", "did you mean transparent?"),
        ("colour:teal", "did you mean color:teal?"),
        ("color", "did you mean color:teal?"),
        ("teal", "write color:teal"),
        ("#1e1e1e", "write color:#1e1e1e"),
        ("blue", "write color:blue"),
        ("", "the background is empty"),
        ("  ", "the background is empty"),
        ("blur:", "from 0 (light) to 1 (strong)"),
        ("blur:much", "from 0 (light) to 1 (strong)"),
        ("blur:1.5", "from 0 (light) to 1 (strong)"),
        ("blur:-1", "from 0 (light) to 1 (strong)"),
        ("blur:nan", "from 0 (light) to 1 (strong)"),
        ("color:teel", "teal"),
        ("color:steal", "did you mean teal or"),
        ("color:", "like teal, or #rrggbb"),
        ("color:xqzzy", "like teal, or #rrggbb"),
        ("color:#12", "#rgb or #rrggbb"),
        ("color:#12345", "#rgb or #rrggbb"),
        ("color:#12345g", "#rgb or #rrggbb"),
        ("color:#12345678", "#rgb or #rrggbb"),
    ],
)
def test_a_slip_gets_one_line_with_its_cure(text, cure, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        parse_background(text)
    message = str(caught.value)
    assert cure in message
    assert "\n" not in message
    assert text.strip() == "" or text.partition(":")[2].strip() in message


def test_the_package_does_not_load_what_is_heavy():
    code = "import sys, livebg.compose; print([n for n in ('torch', 'av', 'onnxruntime', 'PIL') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
