"""Values from a command line or a program: checked, and refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livebg.config import ComposeConfig, Config, SegmentConfig
from livebg.errors import ConfigError


def test_what_is_wrong_on_the_command_line_is_named_by_its_flag():
    with pytest.raises(ConfigError, match=r"^--crf -3: should be greater than or equal to 0$"):
        Config().override({"output": {"crf": "-3"}})
    with pytest.raises(ConfigError, match="unknown key nonsense"):
        Config().override({"nonsense": {"crf": "-3"}})


def test_a_key_that_takes_a_number_or_a_word_says_both():
    with pytest.raises(ConfigError, match=r"^--cadence x: should be a valid integer or 'auto'$"):
        Config().override({"smooth": {"cadence": "x"}})
    with pytest.raises(ConfigError, match=r"^--subjects larges: .* 'all' or 'largest' \(did you mean largest\?\)$"):
        Config().override({"segment": {"subjects": "larges"}})
    assert Config().override({"smooth": {"cadence": "4"}}).smooth.cadence == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Config(bogus=1), "unknown key bogus"),
        (lambda: Config(segmnt=SegmentConfig()), "unknown key segmnt (did you mean segment?)"),
        (lambda: Config(segment=3), "segment = 3: should be a valid dictionary or instance of SegmentConfig"),
        (lambda: Config(output={"crf": 9999}), "output.crf = 9999: should be less than or equal to 63"),
        (lambda: Config.model_validate({"output": {"crf": 9999}}), "output.crf = 9999: should be less than or equal"),
        (lambda: SegmentConfig(modle="u2net"), "unknown key segment.modle (did you mean model?)"),
        (lambda: SegmentConfig(size="abc"), "segment.size = 'abc': give one number for a square (320) or WxH"),
    ],
)
def test_a_table_made_in_a_program_is_refused_in_the_same_words(make, message):
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.zeros((720, 1280, 3), np.uint8), list(range(10_000))])
def test_a_value_that_is_long_is_said_in_short(value):
    with pytest.raises(ConfigError, match=r"^--background .{1,63}: should be a valid string$"):
        Config().override({"compose": {"background": value}})
    with pytest.raises(ConfigError, match=r"^compose\.background = .{1,63}: should be a valid string$"):
        ComposeConfig(background=value)


@pytest.mark.parametrize(("path", "text"), [("rooms/beach.jpg", "rooms/beach.jpg"), ("blur", "./blur")])
def test_a_path_object_is_a_path_whatever_its_name(path, text):
    assert Config().override({"compose": {"background": Path(path)}}).compose.background == text
    assert Config(output={"output": Path(path)}).output.output == text
