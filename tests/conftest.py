"""What several tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livebg import weights
from livebg.weights import Store
from tests.server import WebServer, serve
from tests.stores import BODY, entry


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data that is not part of the project; without it the test is skipped."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("LIVEBG_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the data to measure with is not at {folder}: set LIVEBG_DATA")
    return folder


@pytest.fixture(scope="session")
def demo_clip() -> Path:
    """A real clip of a person: 640x360, 72 frames at 30 a second, mp3 audio."""
    return weights.ensure("demo-clip")


@pytest.fixture
def heeded_hangup() -> Iterator[None]:
    """A closed terminal counts, whatever started the tests: under nohup it is ignored, and children take that over.

    The command heeds Ctrl-C in any case.
    """
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def online(monkeypatch) -> None:
    """Fetching is allowed, whatever the tests were started with."""
    monkeypatch.delenv("LIVEBG_OFFLINE", raising=False)


@pytest.fixture
def server(online) -> Iterator[WebServer]:
    """Serves the file of ``make_store``."""
    with serve(BODY) as running:
        yield running


@pytest.fixture
def make_store(online, tmp_path) -> Callable[..., Store]:
    """Makes a cache whose one file, ``net``, comes from these sources."""
    return lambda *sources, **options: Store({"net": entry(*sources, **options)}, tmp_path / "cache")
