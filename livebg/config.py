"""What can be set, in one place: each option's meaning, range, unit and default.

A configuration is a TOML file with a table a stage (read by ``config_file.py``); the command line has one flag a key,
made from these models, and overrides the file. Nobody else gives a default.

    [segment]
    model = "u2net"
    size = 320

Unknown keys and values out of range are refused by name, with the nearest valid one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from livebg.config_problems import problems
from livebg.errors import ConfigError
from livebg.values import NetworkSize, Rate, Seconds, Size


class Section(BaseModel):
    """A table of the file: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


_ALL_AT_ONCE = object()
"""The context of a validation whose caller reports what is wrong in every table."""


class _Table(Section):
    """One of ours: takes path objects for text, and says what is wrong with it in one line."""

    @field_validator("*", mode="before")
    @classmethod
    def _path_as_text(cls, value: object) -> object:
        if not isinstance(value, os.PathLike):
            return value
        text = os.fspath(value)
        return text if os.sep in text else f".{os.sep}{text}"  # Path("blur") is a file and no word

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_line(cls, values: object, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if info.context is _ALL_AT_ONCE:
            return handler(values)
        try:
            return handler(values)
        except ValidationError as exc:
            table = [name for name in Config.model_fields if section_model(name) is cls]
            raise ConfigError("; ".join(problems(exc, Config, table))) from exc


class InputConfig(_Table):
    """Which part of the input, and how strictly."""

    start: Seconds | None = Field(None, description="Begin here: seconds or [HH:]MM:SS.")
    end: Seconds | None = Field(None, description="End before this moment: seconds or [HH:]MM:SS.")
    strict: bool = Field(False, description="Fail where part of the input is damaged, rather than report the loss.")
    stills: bool = Field(False, description="Treat each picture of a folder on its own, not as a sequence.")
    rate: Rate = Field(Fraction(25), description="Frames a second of a folder of pictures.")


class SegmentConfig(_Table):
    """Which network finds the subject, and where it runs."""

    model: str = Field(
        "people",
        description="people, people-nano, u2netp, u2net, or the path of a U²-Net checkpoint.",
    )
    speed: Literal["auto", "fastest", "balanced", "best"] | None = Field(
        None, description="Choose model and cadence for this machine, where they are not given; auto: to keep up."
    )
    size: NetworkSize | None = Field(
        None,
        description="What the network sees: N squashes to NxN as published; WxH, turned for upright pictures; default "
        "the model's own.",
    )
    alpha: Literal["matte", "raw"] = Field(
        "matte", description="matte: a curve makes sure subject 1 and sure background 0; raw: the network's score."
    )
    subjects: Annotated[int, Field(ge=1, le=99)] | Literal["all", "largest"] = Field(
        "all", description="Which subjects are kept: all, the largest, or the N largest."
    )
    doubtful: Literal["drop", "keep"] = Field(
        "drop",
        description="What people and people-nano see and are not sure of: drop shows nobody in empty rooms, keep loses "
        "fewer people in bad light.",
    )
    normalise: Literal["none", "minmax"] = Field(
        "none", description="minmax: picture and score stretched to their full range, as the published evaluation does."
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps.")
    runtime: Literal["auto", "torch", "onnx", "openvino"] = Field("auto", description="What computes the network.")
    precision: Literal["auto", "full", "half", "int8"] = Field(
        "auto",
        description="full; half, on CUDA or by openvino; int8, by onnx; auto: half on CUDA, and on a CPU half or int8 "
        "where a model loses nothing by it and gains time.",
    )
    threads: Annotated[int, Field(ge=1, le=512)] | None = Field(
        None,
        description="Threads of the network on a CPU, for one frame at a time; default one a core, in files over "
        "several frames.",
    )


class SmoothConfig(_Table):
    """How steady the matte is, and how often it is made afresh."""

    smooth: Literal["off", "light", "strong"] = Field(
        "light", description="How much of the last matte, carried along motion, stays in the new one."
    )
    lookahead: Annotated[int, Field(ge=0, le=32)] = Field(
        0, description="Frames to look ahead: smooths in both directions, in files only; 2 is a good number."
    )
    cadence: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = Field(
        1, description="Segment every Nth frame and carry the matte between; auto: where motion asks for it."
    )


class RefineConfig(_Table):
    """How the matte finds the picture's own edges."""

    refine: Literal["auto", "cascadepsp", "guided", "matting", "none"] = Field(
        "auto",
        description="guided: along the picture's edges; cascadepsp: on keyframes; matting: closed form, slow; "
        "auto: cascadepsp where its weights and a GPU are, else guided.",
    )
    refine_weights: str | None = Field(None, description="A checkpoint of CascadePSP, in place of the published one.")
    refine_mode: Literal["fast", "full"] = Field("fast", description="CascadePSP's global step, or local steps too.")
    refine_size: Annotated[int, Field(ge=224, le=4096)] = Field(
        900, description="The longer side, in pixels, that CascadePSP works at."
    )
    refine_gate: Literal["on", "off"] = Field(
        "on", description="Accept a refinement only where it fits the picture better."
    )
    refine_every: Annotated[int, Field(ge=0)] = Field(
        0, description="Frames between keyframes; 0: where the picture asks for one."
    )


class ComposeConfig(_Table):
    """What stands behind the subject."""

    background: str = Field(
        "blur", description="blur[:STRENGTH 0..1], color:#1e1e1e or color:NAME, transparent, a picture or a video."
    )
    fit: Literal["cover", "contain", "stretch"] = Field(
        "cover", description="How a picture or video of another shape fills the frame."
    )
    decontaminate: Literal["on", "off"] = Field(
        "on", description="Take the old background's colour out of soft edges and hair."
    )
    light_wrap: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="How much light of the new background falls on the subject's edge."
    )


class OutputConfig(_Table):
    """Where the result goes, and how it is encoded."""

    output: str | None = Field(
        None, description="File, or folder of PNGs (no suffix); default STEM-livebg.SUFFIX beside the input."
    )
    matte_out: str | None = Field(None, description="Write the matte too: a gray video, or a folder of 8-bit PNGs.")
    codec: str | None = Field(
        None, description="h264, h265, av1, vp9, prores, png (a folder of PNGs); default by suffix."
    )
    crf: Annotated[int, Field(ge=0, le=63)] | None = Field(
        None, description="Quality, lower is better; default by codec."
    )
    preset: str | None = Field(None, description="The encoder's speed (ultrafast .. veryslow; a number for av1).")
    overwrite: bool = Field(False, description="Replace existing output.")
    json_report: str | None = Field(
        None, description="Write what came of each input to this file, as JSON.", json_schema_extra={"flag": "json"}
    )
    quiet: bool = Field(False, description="Print errors only.")

    def for_matte(self) -> OutputConfig:
        """The same for the matte: codec, quality and speed are the picture's, a matte has defaults of its own."""
        return self.model_copy(update={"codec": None, "crf": None, "preset": None})


class LiveConfig(_Table):
    """From a camera to a virtual camera: what is read, when it is shown, and what is shown where it must not be."""

    camera: str = Field(
        "0",
        description="A number, a device, a camera's name, a clip (played in real time, looped), an rtsp, http or udp "
        "address, or test.",
    )
    capture_size: Size | None = Field(None, description="What the camera is asked for; default 1280x720.")
    fps: Rate = Field(Fraction(30), description="Frames a second that the camera is asked for, and the output's rate.")
    format: Literal["auto", "mjpeg", "yuyv", "nv12", "i420", "rgb"] = Field(
        "auto", description="What the camera is asked to send."
    )
    virtual_camera: str = Field(
        "auto", description="auto, /dev/videoN, a backend (v4l2loopback, obs, unitycapture), pipewire, or none."
    )
    on_demand: bool = Field(False, description="Let camera and model sleep while nobody reads the virtual camera.")
    latency: Literal["low", "sync"] = Field(
        "low", description="low: the last matte is carried to the newest frame; sync: each frame waits for its own."
    )
    duration: Seconds | None = Field(None, description="End after this time: seconds or [HH:]MM:SS.")
    mirror: bool = Field(False, description="Show the camera's picture as a mirror does; the background stays.")
    framing: Literal["off", "auto"] = Field("off", description="auto: crop and zoom follow the subject, smoothly.")
    zoom: Annotated[float, Field(ge=1, le=8)] = Field(1.0, description="Enlarge the camera's picture about its middle.")
    crop: str | None = Field(None, description="WxH+X+Y: use this part of the camera's picture.")
    slate: str = Field(
        "auto",
        description="What is shown where the room must not be: auto (the background where it is a colour, picture or "
        "video, else a dark gray with the caption), color:NAME, or a picture.",
    )
    caption: str = Field("One moment, please", description="Words on a slate of a plain colour; none where empty.")
    stale: Seconds = Field(
        Fraction(1), description="A picture or matte older than this many seconds is not shown: the slate is."
    )
    empty: Seconds = Field(
        Fraction(3), description="Show the slate where nobody was in the picture for so many seconds; 0: never."
    )
    record: str | None = Field(None, description="Write what is shown to this file too.")
    record_matte: str | None = Field(None, description="Write the matte of what is shown to this file.")
    stream: str | None = Field(None, description="Send what is shown to this address: rtmp://, srt://, udp://.")
    preview: bool = Field(False, description="Show it in a window.")
    stats: str | None = Field(None, description="Write figures to this file, one JSON object a second.")
    metrics: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        None, description="Serve figures to Prometheus at this port of this machine alone; 0: any free one."
    )
    control: str = Field(
        "auto",
        description="The Unix socket that `livebg ctl` speaks to: auto (in the user's runtime folder), a path, none.",
    )


class Config(_Table):
    """Everything, a section a stage."""

    input: InputConfig = InputConfig()
    segment: SegmentConfig = SegmentConfig()
    smooth: SmoothConfig = SmoothConfig()
    refine: RefineConfig = RefineConfig()
    compose: ComposeConfig = ComposeConfig()
    output: OutputConfig = OutputConfig()
    live: LiveConfig = LiveConfig()

    def override(self, values: Mapping[str, Mapping[str, object]]) -> Config:
        """The same with other values, section by section.

        Raises:
            ConfigError: A value is out of range.
        """
        merged = {name: dict(section.model_dump(exclude_unset=True)) for name, section in self}
        for name, section in values.items():
            merged.setdefault(name, {}).update(section)
        return validated(merged, "", flags=True)


def validated(values: Mapping[str, Any], where: str, *, flags: bool = False) -> Config:
    """A configuration of values section by section, with all that is wrong in them in one line.

    Args:
        values: As a file has them.
        where: They come from, before what is wrong.
        flags: Name keys as the command line does.

    Raises:
        ConfigError: A key is unknown or a value out of range.
    """
    try:
        return Config.model_validate(values, context=_ALL_AT_ONCE)
    except ValidationError as exc:
        raise ConfigError(where + "; ".join(problems(exc, Config, flag=flag_of if flags else None))) from exc


def section_model(section: str) -> type[Section]:
    """The model of a table of the file, by the table's name."""
    model = Config.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, Section)
    return model


def flag_of(section: str, key: str) -> str:
    """The command line's name of a key, without its dashes."""
    extra = section_model(section).model_fields[key].json_schema_extra
    if isinstance(extra, dict) and "flag" in extra:
        return str(extra["flag"])
    return key.replace("_", "-")
