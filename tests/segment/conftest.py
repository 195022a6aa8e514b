"""Real weights and real pictures."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from livebg import weights


@pytest.fixture(scope="session")
def u2netp() -> Path:
    return weights.ensure("u2netp")


@pytest.fixture(scope="session")
def u2net() -> Path:
    return weights.ensure("u2net")


@pytest.fixture(scope="session")
def pictures(demo_clip) -> list[np.ndarray]:
    """Three moments of the clip of a man at a door, RGB (360, 640, 3)."""
    with av.open(str(demo_clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [frames[index] for index in (0, 35, 71)]
