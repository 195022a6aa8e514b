"""One job: what is read for its output."""

from __future__ import annotations

import pytest

from livebg import job
from livebg.config import Config
from tests.media import write_clip


@pytest.mark.parametrize(
    ("output", "wanted"), [("out.mp4", True), ("out.mkv", True), ("frames", True), ("null:", False)]
)
def test_sound_is_read_only_for_an_output_that_takes_it_or_tells_of_it(tmp_path, monkeypatch, output, wanted):
    """What nobody takes would be held to the end: an hour of a recorder's PCM is 700 MB."""
    opened = []

    def watched(*args, **options):
        opened.append(job_reader(*args, **options))
        return opened[-1]

    job_reader = job.open_reader
    monkeypatch.setattr(job, "open_reader", watched)
    clip = write_clip(tmp_path / "talk.mp4", frames=3, audio="aac")
    config = Config().override({"segment": {"size": 64}, "refine": {"refine": "none"}})
    output = output if output == "null:" else str(tmp_path / output)
    report = job.process(clip, output, background="color:teal", config=config)
    assert report.frames == 3
    (source,) = opened
    assert (source.info.side is not None) == wanted
    assert not wanted or source.info.side.take() == []
    told = [note for note in report.notes if "audio stream 1 dropped" in note]
    assert len(told) == (output.endswith("frames"))
