"""Every error that livebg raises on purpose.

    LivebgError                 one line a user can act on: the file, the value, the cure
    ├── UsageError              the request itself cannot be met            (exit code 2)
    │   └── ConfigError         an unknown key, a value out of range        (exit code 2)
    ├── SourceError             a picture, clip, pipe or camera cannot be read
    ├── SinkError               a file, folder or virtual camera cannot be written
    ├── WeightsError            weights are absent, damaged or not a U²-Net
    ├── DeviceError             the device or runtime asked for is not there
    ├── RefusedError            a live run said no to what it was told      (exit code 3)
    └── StageError              a stage broke its contract (a matte with NaN, of a wrong size)

Adapters translate what a library raises into one of these (``raise SourceError(...) from exc``);
only ``livebg.cli`` prints or exits. Wrong dtypes and ranks handed to a constructor are
``ValueError``, as everywhere in Python.
"""


class LivebgError(Exception):
    """The base of the tree; its text is one line for a person."""

    exit_code = 1


class UsageError(LivebgError):
    """The request cannot be met as it stands: a suffix no encoder serves, a name misspelt."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file or option has an unknown key or a value out of range."""


class SourceError(LivebgError):
    """Something to read is missing, damaged or has no picture in it."""


class SinkError(LivebgError):
    """Something to write could not be written, or is not what it should be once written."""


class WeightsError(LivebgError):
    """Weights are absent, fail their checksum, or do not fit the network."""


class DeviceError(LivebgError):
    """The device or runtime asked for is not there; the text lists what is."""


class RefusedError(LivebgError):
    """A live run said no to what it was told; ``livebg ctl`` itself was used as it should be."""

    exit_code = 3


class StageError(LivebgError):
    """A stage returned what its protocol forbids. The frame is not shown."""


def one_line(error: BaseException) -> str:
    """What it says, on one line; of what is no error of ours its kind too, which may be all that it says."""
    text = " ".join(str(error).split())
    if isinstance(error, LivebgError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
