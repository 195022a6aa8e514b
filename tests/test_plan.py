"""Jobs and how they are run: what the rest of a command asks of them is tested through the command (tests/cli)."""

from __future__ import annotations

import pytest

from livebg.config import Config
from livebg.cores import cores
from livebg.plan import Job, lanes_for

CLIP, PICTURE = Job("talk.mp4", "out.mp4"), Job("me.jpg", "me.png")


@pytest.mark.parametrize(
    ("jobs", "given", "as_cores"),
    [
        ([CLIP], {}, True),
        ([PICTURE], {}, False),
        ([PICTURE, CLIP], {}, True),
        ([CLIP], {"smooth": {"cadence": 4}}, False),
        ([CLIP], {"smooth": {"cadence": "auto"}}, False),
        ([CLIP], {"segment": {"threads": 1}}, False),
    ],
)
def test_frames_go_at_once_where_each_is_segmented_and_nobody_counts_threads(jobs, given, as_cores):
    assert lanes_for(jobs, Config().override(given)) == (min(4, cores()) if as_cores else 1)
