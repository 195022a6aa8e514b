"""A container's tags: which its copy keeps.

Why the place goes: whoever hides a room does not want to tell where it is.
"""

from __future__ import annotations

from collections.abc import Mapping

_TIMECODE = "timecode"
# Those that describe the file itself, written anew by whoever writes the next one.
_OWN = {"major_brand", "minor_version", "compatible_brands", "encoder", _TIMECODE}
# QuickTime's and Android's names for where a clip was taken hold one of these ("location-eng",
# "com.apple.quicktime.location.ISO6709"), as do those that people give.
_PLACE = ("location", "gps", "latitude", "longitude")


def kept_tags(tags: dict[str, str]) -> dict[str, str]:
    """Those that a copy keeps."""
    return {key: value for key, value in tags.items() if key.lower() not in _OWN}


def find_timecode(*tags: Mapping[str, str]) -> str | None:
    """The first that any of these has."""
    return next((value for each in tags for key, value in each.items() if key.lower() == _TIMECODE), None)


def drop_places(tags: dict[str, str]) -> list[str]:
    """Remove what tells where a clip was taken; the names of what was removed."""
    places = [key for key in tags if any(word in key.lower() for word in _PLACE)]
    for key in places:
        del tags[key]
    return places
