"""A camera on the network: what an address of RTSP, HTTP, UDP, TCP, SRT or RTMP sends.

Its frames are stamped when they arrive: how long they were on their way no protocol of these says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import av

from livebg.errors import SourceError, UsageError
from livebg.sources.capture import StreamDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMES = ("rtsp", "rtsps", "http", "https", "udp", "rtp", "tcp", "srt", "rtmp", "rtmps")
# What every stream is opened with: a second is enough to know it. Not fflags=nobuffer: that throws away what was looked
# at, and with it the keyframe which the pictures up to the next one need.
_AT_ONCE = {"analyzeduration": "1000000"}
_OF_SCHEME: Mapping[str, Mapping[str, str]] = {
    "rtsp": {"rtsp_transport": "tcp"},  # over UDP a lost packet spoils the pictures up to the next keyframe
    "rtsps": {"rtsp_transport": "tcp"},
    "udp": {"overrun_nonfatal": "1"},  # a burst too large loses pictures, not the stream
}


def is_address(spec: str) -> bool:
    """Whether this is an address and not a name.

    Raises:
        UsageError: It is one of a kind that is not served.
    """
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", spec)
    if found is None:
        return False
    if found[1].lower() not in SCHEMES:
        raise UsageError(
            f"{without_password(spec)}: a camera's address begins with {', '.join(SCHEMES)}, not {found[1]}"
        )
    return True


def open_stream(address: str, timeout: float) -> StreamDevice:
    """Open what an address sends.

    Args:
        address: With user and password where it needs them; no message shows them.
        timeout: Seconds that opening, and later each read, may take.

    Raises:
        SourceError: Nobody answers in time, or what comes is no video.
    """
    name = without_password(address)
    scheme = address.partition("://")[0].lower()
    options = {**_AT_ONCE, **_OF_SCHEME.get(scheme, {})}
    try:
        container = av.open(
            address, "r", container_options=options, timeout=(timeout, timeout), metadata_errors="replace"
        )
    except av.error.ExitError as error:
        raise SourceError(
            f"{name} sent no picture within {timeout:g} s: look at the address and the network"
        ) from error
    except av.FFmpegError as error:
        raise SourceError(f"cannot read {name}: {error.strerror}") from error
    return StreamDevice(container, name, None)


def without_password(address: str) -> str:
    """The address as messages may show it."""
    return re.sub(r"//[^/]*@", "//", address)
