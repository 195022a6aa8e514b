"""A clip's tags: all but where it was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livebg.sources import open_source
from livebg.sources.tags import drop_places
from tests.media import write_clip

if TYPE_CHECKING:
    from pathlib import Path

PLACE = "+48.8584+002.2945+035.000/"


def test_the_place_is_left_out_and_said(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mp4", metadata={"title": "A talk", "location": PLACE, "location-eng": PLACE, "artist": "Me"}
    )
    with open_source(path) as source:
        assert source.info.metadata == {"title": "A talk", "artist": "Me"}
        (note,) = source.notes
    assert note.startswith(f"{path}: the place where it was taken is left out: location")


def test_the_place_in_a_sounds_tags_is_left_out(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", audio="aac", audio_tags={"title": "Voice", "Recording_Location": PLACE})
    with open_source(path) as source:
        assert source.info.side is not None
        (sound,) = source.info.side.streams
        kept = {key.lower() for key in sound.metadata}
        assert "title" in kept
        assert "recording_location" not in kept
        assert [note.lower() for note in source.notes] == [
            f"{path}: the place where it was taken is left out: recording_location".lower()
        ]


def test_names_of_the_place() -> None:
    tags = dict.fromkeys(
        ("com.apple.quicktime.location.ISO6709", "com.android.location", "GPSLatitude", "LOCATION-deu", "title"), PLACE
    )
    dropped = drop_places(tags)
    assert list(tags) == ["title"]
    assert len(dropped) == 4
