"""Sound that is encoded anew, from packets whose times are not one after another."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.media import write_clip
from tests.sinks.test_side import pass_through

RATE, PACKET = 48_000, 960  # 20 ms
EVEN = [Fraction(index, 50) for index in range(150)]
LUMPS = [
    EVEN[index // 4 * 4] + Fraction(index % 4, 1000) for index in range(150)
]  # three of four are up to 57 ms early


def shifted(seconds):
    """The second half by so much."""
    return [time + (seconds if index >= 75 else 0) for index, time in enumerate(EVEN)]


@pytest.fixture
def stamped(tmp_path):
    """Makes a clip with a tone whose packets have these times."""

    def make(times):
        picture, path = write_clip(tmp_path / "picture.mp4", frames=75), tmp_path / "in.mkv"
        tone = (np.sin(2 * np.pi * 440 / RATE * np.arange(PACKET * len(times))) * 8000).astype(np.int16)
        with av.open(str(picture)) as given, av.open(str(path), "w") as out:
            video, audio = (
                out.add_stream_from_template(given.streams.video[0]),
                out.add_stream("pcm_s16le", rate=RATE, layout="mono"),
            )
            packets = [packet for packet in given.demux(video=0) if packet.size]
            for packet in packets:
                packet.stream = video
            for index, time in enumerate(times):
                part = tone[PACKET * index :][:PACKET]
                frame = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
                frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), round(time * RATE)
                packets += audio.encode(frame)
            out.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))
        return path

    return make


def silence(path):
    """Where nothing sounds, in seconds from the beginning, in steps of 5 ms; and how long it is in all."""
    with av.open(str(path)) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    steps = np.abs(sound[: len(sound) // 240 * 240]).reshape(-1, 240).max(axis=1)
    return np.flatnonzero(steps < steps.max() / 20) * 0.005, len(sound) / RATE


@pytest.mark.parametrize(
    "times",
    [
        EVEN,
        LUMPS,
        shifted(Fraction(-50, 1000)),
        shifted(Fraction(30, 1000)),
    ],
    ids=["even", "lumps", "overlap", "short gap"],
)
def test_sound_is_not_cut_to_pieces(stamped, tmp_path, times):
    pass_through(stamped(times), tmp_path / "out.webm")
    silent, seconds = silence(tmp_path / "out.webm")
    assert len(silent) == 0
    assert seconds == pytest.approx(len(times) / 50, abs=0.03)


@pytest.mark.parametrize("gap", [0.05, 0.5])
def test_a_gap_becomes_silence(stamped, tmp_path, gap):
    pass_through(stamped(shifted(Fraction(gap))), tmp_path / "out.webm")
    silent, seconds = silence(tmp_path / "out.webm")
    assert silent.min() == pytest.approx(1.5, abs=0.011)
    assert silent.max() == pytest.approx(1.5 + gap, abs=0.011)
    assert seconds == pytest.approx(3 + gap, abs=0.03)


def test_a_long_overlap_is_cut(stamped, tmp_path):
    pass_through(stamped(shifted(Fraction(-1, 5))), tmp_path / "out.webm")
    assert silence(tmp_path / "out.webm")[1] == pytest.approx(2.8, abs=0.03)
