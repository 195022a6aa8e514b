"""The command line as a user calls it, in this process so that it is quick."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import livebg.cli
from tests.media import write_clip

QUICK = ("--size", "64", "--quiet")
"""The network at a size that costs milliseconds; the way of a frame is the same."""


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def livebg_command(monkeypatch, capfd) -> Iterator[Callable[..., Result]]:
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def call(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["livebg", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            livebg.cli.main()
        out, err = capfd.readouterr()
        return Result(int(caught.value.code or 0), out, err)

    yield call
    for each, handler in handlers.items():
        signal.signal(each, handler)


@pytest.fixture
def clip(tmp_path) -> Path:
    """Ten numbered frames with sound."""
    return write_clip(tmp_path / "talk.mp4", audio="aac")
