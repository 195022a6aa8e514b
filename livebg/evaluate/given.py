"""Mattes that any tool made, to be scored as a model's are: a folder of pictures a set or a clip, or a video a clip.

They are taken as they are stored: gray, 8 bits. A clip of which a frame has no matte that can be used is named and not
measured, be the mattes pictures or a video; the other clips go on. Of a set of pictures only those without a matte are
not measured. Nothing is timed, since nothing is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count, repeat
from pathlib import Path

from livebg.errors import SourceError, UsageError
from livebg.evaluate.clips import VIDEOS, Clip, stamp_of
from livebg.evaluate.harness import Pictures, Samples, Score, gray_of
from livebg.evaluate.samples import Finding, Sample, UnusableFile, pictures_by_stem, read_gray
from livebg.frame import Image
from livebg.pipeline import RunReport
from livebg.stages import Closing, Source

OpenVideo = Callable[[Path], Source]


@dataclass(frozen=True, slots=True)
class Given:
    """A folder of mattes.

    Attributes:
        name: Of whatever made them.
        folder: Holds ``NAME/STEM.png``, with the stems of the pictures of a set or a clip (a video's frames are 00000,
            00001, ...), or ``CLIP.mp4``, with a frame for each of the clip's.
    """

    name: str
    folder: Path

    def stamp(self, clip: Clip) -> str:
        """Changes when the mattes of this clip do; empty where there are none."""
        path = self._path(clip)
        return "" if path is None else stamp_of(path)

    def score(
        self,
        clip: Clip,
        source: Samples | Pictures,
        score: Score,
        open_video: OpenVideo,
        findings: list[Finding],
        progress: Callable[[RunReport], None] | None = None,
    ) -> RunReport:
        """Score the matte of every sample.

        Args:
            clip: What the mattes belong to.
            source: Its samples; closed by the caller.
            score: Called for each sample in order.
            open_video: Opens a matte video; closed here.
            findings: Takes which mattes are left over.
            progress: Called after each frame that was scored.

        Returns:
            The frames scored, and no seconds.

        Raises:
            SourceError: There are no mattes of this clip, its matte video is none, or a frame's matte cannot be used.
        """
        path = self._path(clip)
        if path is None:
            raise SourceError(f"no mattes of {self.name}: neither a folder {self.folder / clip.name} nor a video")
        report = RunReport()
        with _Folder(path) if path.is_dir() else _Video(path, open_video(path), _names(clip)) as mattes:
            for frame in source:
                sample = source.take(frame.index)
                try:
                    matte = mattes.of(sample)
                except UnusableFile as exc:
                    # Measures over time do not hold across a gap, and frames would pair with others' in a comparison.
                    raise SourceError(f"{exc.finding}: the clip is not measured") from exc
                score(sample, matte)
                report.frames += 1
                if progress is not None:
                    progress(report)
            findings += mattes.findings()
        if report.frames == 0:
            raise SourceError(f"{path}: no matte of {self.name} in it could be measured")
        return report

    def of_set(self, name: str) -> StillMattes:
        """The mattes of a set of pictures, whose name is in small letters; the folder's need not be.

        Raises:
            SourceError: There are none.
        """
        folders = (path for path in sorted(self.folder.iterdir()) if path.name.lower() == name and path.is_dir())
        folder = next(folders, None)
        if folder is None:
            raise SourceError(f"{name}: no mattes of {self.name}: there is no folder {self.folder / name}")
        return StillMattes(folder)

    def _path(self, clip: Clip) -> Path | None:
        folder = self.folder / clip.name
        if folder.is_dir():
            return folder
        named = (path for path in sorted(self.folder.iterdir()) if path.stem == clip.name)
        return next((path for path in named if path.suffix.lower() in VIDEOS and path.is_file()), None)


def open_mattes(spec: str) -> Given:
    """A folder of mattes as a user names it.

    Args:
        spec: ``NAME=DIR``.

    Raises:
        UsageError: It is not of this form.
        SourceError: There is no such folder.
    """
    name, _, folder = spec.partition("=")
    if not name or not folder:
        raise UsageError(f"--mattes {spec}: give NAME=DIR, for example rvm=mattes/rvm")
    if not Path(folder).is_dir():
        raise SourceError(f"--mattes {spec}: there is no folder {folder}")
    return Given(name, Path(folder))


class StillMattes:
    """The mattes of a set of pictures."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths, self._findings = pictures_by_stem(folder)

    def stamp(self, name: str) -> str:
        """Changes when the matte of this picture does; empty where there is none."""
        path = self._paths.get(name)
        return "" if path is None else stamp_of(path)

    def score(
        self, source: Samples, score: Score, progress: Callable[[RunReport], None] | None = None
    ) -> tuple[RunReport, list[Finding]]:
        """Score the matte of every sample that has one.

        Args:
            source: The samples; closed by the caller.
            score: Called for each sample with a matte in order.
            progress: Called after each picture that was scored.

        Returns:
            The pictures scored, and no seconds; the mattes that are missing or cannot be used.
        """
        report, findings = RunReport(), []
        for frame in source:
            sample = source.take(frame.index)
            try:
                matte = _matte_of(sample, self._paths.get(sample.name), self._folder)
            except UnusableFile as exc:
                findings.append(exc.finding)
                continue
            score(sample, matte)
            report.frames += 1
            if progress is not None:
                progress(report)
        return report, findings

    def findings(self, names: Collection[str]) -> list[Finding]:
        """Files that none of the set's pictures goes with."""
        left = [path for stem, path in self._paths.items() if stem not in names]
        return [*self._findings, *(Finding(str(path), "a matte without a picture to measure it on") for path in left)]


class _Folder(Closing):
    """Mattes of a clip as pictures."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths, self._findings = pictures_by_stem(folder)

    def of(self, sample: Sample) -> Image:
        """A sample's matte; raises ``UnusableFile``."""
        return _matte_of(sample, self._paths.pop(sample.name, None), self._folder)

    def findings(self) -> list[Finding]:
        """Files that nothing was measured with; asked at the end."""
        left = [Finding(str(path), "a matte without a frame to measure it on") for path in self._paths.values()]
        return [*self._findings, *left]

    def close(self) -> None:
        """Nothing is open."""


class _Video(Closing):
    """Mattes as the frames of a video, one for each of the clip's, measured or not."""

    def __init__(self, path: Path, video: Source, names: Iterable[str]) -> None:
        self._path, self._video = path, video
        self._named = zip(names, video, strict=False)

    def of(self, sample: Sample) -> Image:
        """A sample's matte; raises ``UnusableFile`` where the video has ended."""
        for name, matte in self._named:
            if name == sample.name:
                return gray_of(matte, sample.image, str(self._path))
        raise UnusableFile(self._path, f"it ends before frame {sample.name}")

    def findings(self) -> list[Finding]:
        """How many frames too many it has; asked at the end."""
        left = sum(1 for _ in self._named)
        return [Finding(str(self._path), f"{left} mattes after the last frame")] if left else []

    def close(self) -> None:
        self._video.close()


def _matte_of(sample: Sample, path: Path | None, folder: Path) -> Image:
    """A sample's matte; raises ``UnusableFile``."""
    if path is None:
        raise UnusableFile(folder / f"{sample.name}.png", "there is no such matte")
    matte = read_gray(path)
    if matte.shape != sample.image.shape[:2]:
        height, width = sample.image.shape[:2]
        raise UnusableFile(path, f"the matte is {matte.shape[1]}x{matte.shape[0]}, its picture {width}x{height}")
    return matte


def _names(clip: Clip) -> Iterator[str]:
    """The names of a clip's frames in order, those that cannot be measured too; without end."""
    if clip.is_video:
        return (f"{index:05}" for index in count())
    return chain(pictures_by_stem(clip.pictures)[0], repeat(""))
