"""Makes small clips with exactly the trait a test is about, and reads them back without any code of ours."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from av.audio.stream import AudioStream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from livebg.frame import Colour

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from livebg.frame import Chapter

AUDIO_RATE = 48000
BT709 = Colour(1, 1, 1, False)
ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
RANGE = {None: 0, False: 1, True: 2}
# FFmpeg's SWS_CS_* number for each H.273 matrix that tests use.
SWS_MATRIX = {1: 1, 5: 5, 6: 5, 7: 7, 9: 9}


def numbered(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A soft picture that carries its number in eight stripes along the lower half: see ``read_number``."""
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.stack([60 + rows * 120 // height, 60 + columns * 120 // width, np.full_like(rows, 100)], axis=-1)
    for bit in range(8):
        left, right = bit * width // 8, (bit + 1) * width // 8
        image[height // 2 :, left:right] = 200 if index >> bit & 1 else 40
    return np.ascontiguousarray(image, dtype=np.uint8)


def read_number(image: np.ndarray) -> int:
    """The number that ``numbered`` put in, out of a picture of any size that is upright."""
    height, width = image.shape[:2]
    row = image[height * 3 // 4].mean(axis=-1)
    return sum(1 << bit for bit in range(8) if row[(2 * bit + 1) * width // 16] > 120)


def to_yuv(image: np.ndarray, pix_fmt: str = "yuv420p", colour: Colour = BT709) -> av.VideoFrame:
    """RGB to what an encoder takes, by the colour's own matrix and range, tagged with them."""
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    matrix = SWS_MATRIX.get(colour.matrix, 5)
    converted = VideoReformatter().reformat(
        frame, format=pix_fmt, src_colorspace=matrix, dst_colorspace=matrix,
        src_color_range=2, dst_color_range=2 if colour.full_range else 1,
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
    )  # fmt: skip
    converted.colorspace, converted.color_range = colour.matrix, RANGE[colour.full_range]
    converted.color_trc, converted.color_primaries = colour.transfer, colour.primaries
    return converted


def write_clip(
    path: Path,
    *,
    frames: int | Sequence[np.ndarray | av.VideoFrame] | None = None,
    rate: Fraction = Fraction(25),
    times: Sequence[Fraction] | None = None,
    time_base: Fraction | None = None,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: Mapping[str, str] | None = None,
    colour: Colour = BT709,
    sar: Fraction | None = None,
    rotation: int = 0,
    hflip: bool = False,
    vflip: bool = False,
    audio: str | None = None,
    audio_offset: Fraction = Fraction(0),
    audio_seconds: Fraction | None = None,
    subtitles: Sequence[tuple[Fraction, Fraction, str]] = (),
    subtitle_codec: str | None = None,
    chapters: Sequence[Chapter] = (),
    metadata: Mapping[str, str] | None = None,
    video_tags: Mapping[str, str] | None = None,
    audio_tags: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    format: str | None = None,
) -> Path:
    """Write a clip; every trait is optional and none is guessed.

    Args:
        path: Its suffix chooses the container, unless ``format`` does.
        frames: How many ``numbered`` pictures of ``size`` (10, or one for each time); or the pictures, RGB or ready
            for the encoder.
        rate: Frames a second where ``times`` is not given.
        times: When each frame is shown, in seconds.
        time_base: The encoder's clock; fine enough for ``times`` unless given.
        size: Width and height.
        codec: An encoder's name.
        pix_fmt: What the encoder takes.
        options: The encoder's own options.
        colour: Tags, and how RGB becomes YUV. Unspecified tags (2) write none.
        sar: Sample aspect ratio.
        rotation: Degrees counterclockwise that a player turns the picture by: the display matrix.
        hflip: Mirror left to right in the display matrix.
        vflip: Mirror top to bottom in the display matrix.
        audio: An audio encoder's name (a sine tone), or none.
        audio_offset: When the tone begins, in seconds of the video's clock.
        audio_seconds: How long it sounds; as long as the video unless given.
        subtitles: (start, end, text) of each line.
        subtitle_codec: The container's own text format unless given.
        chapters: (start, end, title).
        metadata: The container's tags.
        video_tags: The video stream's own.
        audio_tags: The audio stream's own.
        container_options: The muxer's options.
        format: The muxer's name.

    Returns:
        ``path``.
    """
    if frames is None:
        frames = 10 if times is None else len(times)
    pictures = [numbered(index, *size) for index in range(frames)] if isinstance(frames, int) else list(frames)
    times = [index / rate for index in range(len(pictures))] if times is None else list(times)
    clock = time_base or _common_clock(times, rate)
    with av.open(str(path), "w", format=format, container_options=dict(container_options or {})) as output:
        first = pictures[0]
        width, height = (first.width, first.height) if isinstance(first, av.VideoFrame) else first.shape[1::-1]
        fast = {"preset": "ultrafast", "crf": "10"} if codec in ("libx264", "libx265") else {}
        if codec == "libx265":
            fast["x265-params"] = "log-level=error"
        video = output.add_stream(
            codec, rate=rate, options={**fast, **(options or {})}, width=width, height=height, pix_fmt=pix_fmt
        )
        assert isinstance(video, VideoStream)
        context = video.codec_context
        context.time_base = clock
        context.colorspace, context.color_range = colour.matrix, RANGE[colour.full_range]
        context.color_trc, context.color_primaries = colour.transfer, colour.primaries
        if sar is not None:
            context.sample_aspect_ratio = sar
        if rotation or hflip or vflip:
            video.set_display_rotation(rotation, hflip=hflip, vflip=vflip)
        sound = output.add_stream(audio, rate=AUDIO_RATE) if audio else None
        text = _add_subtitles(output, path, subtitle_codec) if subtitles else None
        output.metadata.update(metadata or {})
        video.metadata.update(video_tags or {})
        if sound is not None:
            sound.metadata.update(audio_tags or {})
        if chapters:
            output.set_chapters(
                [
                    {"id": number, "start": int(each.start * 1000), "end": int(each.end * 1000),
                     "time_base": Fraction(1, 1000), "metadata": {"title": each.title}}
                    for number, each in enumerate(chapters)
                ]
            )  # fmt: skip
        output.start_encoding()
        packets = []
        for picture, time in zip(pictures, times, strict=True):
            frame = picture if isinstance(picture, av.VideoFrame) else to_yuv(picture, pix_fmt, colour)
            frame.pts, frame.time_base = round(time / clock), clock
            packets += video.encode(frame)
        packets += video.encode(None)
        if isinstance(sound, AudioStream):
            seconds = audio_seconds if audio_seconds is not None else times[-1] + 1 / rate
            packets += _tone(sound, audio_offset, seconds)
        if text is not None:
            packets += _lines(text, subtitles)
        # In order of time, as a recorder writes them; the muxer needs it across streams.
        for packet in sorted(packets, key=lambda each: (each.dts or 0) * each.time_base):
            output.mux(packet)
    return path


def read_times(path: Path) -> list[Fraction]:
    """When each video frame is shown, by decoding: exact seconds of the container's clock, in order."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def read_frames(path: Path) -> list[np.ndarray]:
    """The video's pictures, RGB by PyAV's own conversion with the stream's matrix; not rotated."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def read_packet_times(path: Path, kind: str) -> list[Fraction]:
    """Presentation times of the packets of the first stream of a kind ("video", "audio", "subtitle"), in file order."""
    with av.open(str(path)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        return [packet.pts * packet.time_base for packet in container.demux(stream) if packet.pts is not None]


def _common_clock(times: Iterable[Fraction], rate: Fraction) -> Fraction:
    """A clock on which every time falls on a tick."""
    denominator = (1 / rate).denominator
    for time in times:
        denominator = int(np.lcm(denominator, Fraction(time).denominator))
    return Fraction(1, denominator)


def _tone(stream: AudioStream, offset: Fraction, seconds: Fraction) -> list[av.Packet]:
    """Encode 440 Hz; the first sample stands at ``offset``."""
    context = stream.codec_context
    context.time_base = Fraction(1, AUDIO_RATE)
    resampler = av.AudioResampler(context.format, context.layout, AUDIO_RATE, context.frame_size or 1024)
    samples = np.arange(round(seconds * AUDIO_RATE))
    wave = (np.sin(2 * np.pi * 440 * samples / AUDIO_RATE) * 8000).astype(np.int16)
    whole = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="s16p", layout="stereo")
    whole.sample_rate, whole.time_base, whole.pts = AUDIO_RATE, Fraction(1, AUDIO_RATE), round(offset * AUDIO_RATE)
    packets: list[av.Packet] = []
    for frame in [*resampler.resample(whole), *resampler.resample(None)]:
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _add_subtitles(output: av.container.OutputContainer, path: Path, codec: str | None) -> SubtitleStream:
    by_suffix = {".mp4": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}
    stream = output.add_stream(codec or by_suffix[path.suffix])
    assert isinstance(stream, SubtitleStream)
    stream.codec_context.subtitle_header = ASS_HEADER
    stream.codec_context.time_base = Fraction(1, 1000)
    return stream


def _lines(stream: SubtitleStream, subtitles: Sequence[tuple[Fraction, Fraction, str]]) -> list[av.Packet]:
    packets = []
    for number, (start, end, text) in enumerate(subtitles):
        ass = f"{number},0,Default,,0,0,0,,{text}".encode()
        shown = SubtitleSet.create(text=ass, start=0, end=int((end - start) * 1000), pts=int(start * 1000))
        packet = stream.codec_context.encode_subtitle(shown)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packets.append(packet)
    return packets
