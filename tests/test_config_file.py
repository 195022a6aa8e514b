"""Configuration files and presets: found, read, and refused by name."""

from __future__ import annotations

import tomllib
from fractions import Fraction
from pathlib import Path

import pytest

from livebg.config import Config
from livebg.config_file import load, presets
from livebg.errors import ConfigError

CONFIGS = Path(__file__).resolve().parent.parent / "configs"


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_sets_what_it_names_and_nothing_else(tmp_path):
    config = load(write(tmp_path, '[segment]\nmodel = "u2net"\nsize = "256x144"\n[input]\nstart = "01:02.5"\n'))
    assert config.segment.model == "u2net"
    assert config.segment.size == (256, 144)
    assert config.input.start == Fraction(125, 2)
    assert config.compose == Config().compose


def test_the_command_line_overrides_the_file(tmp_path):
    config = load(write(tmp_path, '[segment]\nmodel = "u2net"\nsize = 128\n'))
    config = config.override({"segment": {"size": "320"}})
    assert (config.segment.model, config.segment.size) == ("u2net", (320, 320))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[segment]\nmodle = 'u2net'\n", r"unknown key segment\.modle \(did you mean model\?\)"),
        ("[segmnt]\n", r"unknown key segmnt \(did you mean segment\?\)"),
        ("[output]\ncrf = -3\n", r"output\.crf = -3: should be greater than or equal to 0"),
        ("[output]\ncrf = 64\n", r"output\.crf = 64: should be less than or equal to 63"),
        ("[segment]\nalpha = 'mate'\n", r"segment\.alpha = 'mate': .*did you mean matte\?"),
        ("[segment]\nsize = '320x'\n", r"segment\.size = '320x': give one number"),
        ("[segment]\nsize = 0\n", r"segment\.size = 0: each side must lie within 34\.\.4096"),
        ("[input]\nstart = '1:2:3:4'\n", r"input\.start = .*give seconds"),
        ("[input]\nstart = -1\n", r"input\.start = -1: must not be negative"),
        ("[input]\nrate = '30000/0'\n", r"input\.rate = .*give frames a second"),
        ("[input]\nrate = 0\n", r"input\.rate = 0: must lie within"),
        ("[input]\nstrict = 'perhaps'\n", r"input\.strict = 'perhaps': should be a valid boolean"),
        ("segment = 3\n", r"segment = 3: "),
        ("not toml", "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_the_file(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as caught:
        load(path)
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_misspelt_preset_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*absent\.toml: No such file"):
        load(str(tmp_path / "absent.toml"))
    with pytest.raises(ConfigError, match=r"no such preset; presets: .*paper.*did you mean paper\?"):
        load("papre")


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.toml")))
def test_every_preset_loads_by_name(name):
    assert name in presets()
    load(name)


def test_the_file_preset_states_every_key_and_is_the_default():
    assert load("file") == Config()
    text = (CONFIGS / "file.toml").read_text(encoding="utf-8")
    every_line = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines()[3:])
    stated = tomllib.loads(every_line)
    assert {name: set(keys) for name, keys in stated.items()} == {
        name: set(type(section).model_fields) for name, section in Config()
    }


def test_the_paper_preset_is_the_reports_configuration():
    config = load("paper")
    segment, refine = config.segment, config.refine
    assert (refine.refine, refine.refine_every, refine.refine_gate) == ("cascadepsp", 1, "off")
    assert config.smooth.smooth == "off"
    assert (segment.model, segment.size, segment.alpha, segment.normalise) == ("u2net", (128, 128), "raw", "minmax")
