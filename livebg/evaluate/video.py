"""Measuring a model on clips: against true mattes where there are any, along optical flow where there are none.

Flicker takes a second pass over the clip, with sensor noise on the pictures (see ``stillness``); everything else is
measured on the pictures as they are. Mattes that another tool made (``given``) are scored in place of a model's, in one
pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from livebg.errors import SourceError
from livebg.evaluate.clips import Clip
from livebg.evaluate.given import Given, OpenVideo
from livebg.evaluate.harness import Pictures, Samples, measure
from livebg.evaluate.images import write_matte
from livebg.evaluate.samples import Finding, Sample, read_sample
from livebg.evaluate.stillness import FlickerMeter, Noisy, WarpMeter
from livebg.evaluate.store import Row
from livebg.evaluate.video_metrics import ClipMeter
from livebg.frame import Image, StreamInfo
from livebg.pipeline import Matting, RunReport


def evaluate_clips(
    clips: list[Clip],
    matting: Matting | Given,
    row: Row,
    *,
    open_video: OpenVideo,
    found: Sequence[Finding] = (),
    flicker: bool = True,
    mattes: Path | None = None,
    progress: Callable[[Clip, int, StreamInfo, RunReport], None] | None = None,
) -> None:
    """Measure the clips that the row does not have yet.

    Args:
        clips: From ``find_clips``.
        matting: Under the setting that the row's key names; or mattes that are there already.
        row: Takes a clip's numbers when it is done, and in the end the findings.
        open_video: Opens a video as a source; closed here.
        found: What ``find_clips`` found beside them.
        flicker: Whether to take the second pass, which only a model can take.
        mattes: A folder that takes each clip's mattes as 8-bit PNGs.
        progress: Called after each frame with the clip, the pass (1 or 2), its stream and the report of that pass.

    Raises:
        SourceError: No clip could be measured.
        SinkError: Numbers or mattes cannot be written.
        LivebgError: Whatever the model raised.
    """
    stamps = {clip.name: _stamp(clip, matting, flicker=flicker) for clip in clips}
    row.keep_only(stamps)
    findings = list(found)
    seconds = in_model = 0.0
    frames = 0
    for clip in clips:
        if row.has(clip.name, stamps[clip.name]):
            continue
        one = _Clip(clip, matting, open_video, row.key.seed, progress)
        try:
            record = one.measured(None if mattes is None else mattes / clip.name, flicker=flicker)
        except SourceError as exc:
            findings += [*one.findings, Finding(clip.name, str(exc))]
            continue
        row.add(clip.name, stamps[clip.name], record, one.findings)
        seconds, in_model, frames = seconds + one.seconds, in_model + one.in_model, frames + one.frames
    row.conclude(findings, seconds=seconds, in_model=in_model, frames=frames)
    if not row.items:
        raise SourceError(f"none of {len(clips)} clips could be measured; the last: {findings[-1]}")


class _Clip:
    """One clip's passes."""

    def __init__(
        self,
        clip: Clip,
        matting: Matting | Given,
        open_video: OpenVideo,
        seed: int,
        progress: Callable[[Clip, int, StreamInfo, RunReport], None] | None,
    ) -> None:
        self._clip, self._matting, self._open_video, self._seed = clip, matting, open_video, seed
        self._progress = progress
        self.findings: list[Finding] = []
        self.seconds = self.in_model = 0.0
        self.frames = 0

    def measured(self, mattes: Path | None, *, flicker: bool) -> dict[str, Any]:
        """The clip's record: ``means`` and ``series``, and with flicker ``still``, the weights of its series."""
        errors, warping = ClipMeter(), WarpMeter()

        def score(sample: Sample, matte: Image) -> None:
            if sample.truth is not None:
                errors.add(matte, sample.truth)
            else:
                warping.add(matte, sample.image)
            if mattes is not None:
                write_matte(mattes / f"{sample.name}.png", matte)

        frames = self._pass(1, score, noisy=False)
        if self._clip.truth is None:
            return {"frames": frames, "means": {"warp": warping.warp()}, "series": {"warp": warping.series}}
        found = errors.score()
        record: dict[str, Any] = {"frames": frames, "means": found.means(), "series": dict(found.series)}
        if flicker and isinstance(self._matting, Matting):
            meter = FlickerMeter()
            self._pass(2, partial(_flicker, meter), noisy=True)
            record["means"]["flicker"], record["series"]["flicker"] = meter.flicker(), meter.series
            record["still"] = meter.still
        return record

    def _pass(self, number: int, score: Callable[[Sample, Image], None], *, noisy: bool) -> int:
        """Run the clip through the model once, or along its mattes; gives the frames scored."""
        first = number == 1
        with self._opened(first) as source:
            frames = Noisy(source, name=self._clip.name, seed=self._seed) if noisy else source
            tell = None if self._progress is None else partial(self._progress, self._clip, number, source.info)
            try:
                if isinstance(self._matting, Given):
                    report = self._matting.score(self._clip, source, score, self._open_video, self.findings, tell)
                else:
                    report = measure(frames, source.take, self._matting, score, tell)
            finally:
                self.findings += source.findings if first else []
        if first:
            self.findings += [Finding(self._clip.name, note, lost=False) for note in report.notes]
        self.seconds += report.seconds
        self.in_model += report.in_matting
        self.frames += report.frames
        return report.frames

    def _opened(self, first: bool) -> Samples | Pictures:
        clip = self._clip
        if not clip.is_video:
            frames, findings = clip.frames()
            if first:
                self.findings += findings
            loads = [partial(read_sample, name, image, mask, soft=True) for name, image, mask in frames]
            return Samples(clip.name, loads, stills=False)
        pictures = self._open_video(clip.pictures)
        if clip.truth is None:
            return Pictures(clip.name, pictures, None)
        try:
            truths = self._open_video(clip.truth)
        except BaseException:
            pictures.close()
            raise
        return Pictures(clip.name, pictures, truths)


def _stamp(clip: Clip, matting: Matting | Given, *, flicker: bool) -> str:
    if isinstance(matting, Given):
        return f"{clip.stamp} mattes {matting.stamp(clip)}"
    return clip.stamp if flicker else f"{clip.stamp} without flicker"


def _flicker(meter: FlickerMeter, sample: Sample, matte: Image) -> None:
    assert sample.truth is not None
    meter.add(matte, sample.truth, sample.image)
