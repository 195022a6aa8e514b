"""Clips with true mattes: folders of pictures, or a video beside its matte video. Clips without truth too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from livebg.errors import SourceError
from livebg.evaluate.samples import Finding, pair_up, pictures_by_stem

VIDEOS = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".ogv", ".mpg", ".ts"})

PICTURES = ("images", "com", "JPEGImages")
TRUTHS = ("masks", "alpha", "pha", "mattes", "Annotations")
"""Subfolders of a clip; ``com`` and ``pha`` are RobustVideoMatting's."""

ENDINGS = ("_alpha", "_matte", "_mask", "_pha", "-alpha", "-matte", "-mask")
"""What a matte video's stem adds to its clip's."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip on disk.

    Attributes:
        name: Unique in its folder.
        pictures: A folder of pictures, or a video.
        truth: A folder of masks, or a video; ``None`` for a clip without truth.
    """

    name: str
    pictures: Path
    truth: Path | None

    @property
    def is_video(self) -> bool:
        """Whether it is a file, and not a folder of pictures."""
        return self.pictures.is_file()

    @property
    def stamp(self) -> str:
        """Changes when a video's file or the list of a folder's pictures does."""
        return "-".join(stamp_of(path) for path in (self.pictures, self.truth) if path is not None)

    def frames(self) -> tuple[list[tuple[str, Path, Path | None]], list[Finding]]:
        """The pictures of a folder with their masks, in order, and what has no partner.

        Raises:
            SourceError: A folder cannot be read, or there is nothing to measure in it.
        """
        images, findings = pictures_by_stem(self.pictures)
        if self.truth is None:
            found: list[tuple[str, Path, Path | None]] = [(stem, path, None) for stem, path in images.items()]
        else:
            masks, twice = pictures_by_stem(self.truth)
            pairs, lonely = pair_up(images, masks)
            found, findings = [*pairs], [*findings, *twice, *lonely]
        if not found:
            raise SourceError(f"{self.pictures}: the clip has no picture with a mask in {self.truth or self.pictures}")
        return found, findings


def find_clips(folder: str) -> tuple[list[Clip], list[Finding]]:
    """The clips in a folder, in the order of their names, and what has no partner or the name of another.

    Args:
        folder: Holds a folder a clip (``NAME/images`` and ``NAME/masks``), videos (``NAME.mp4``, with
            ``NAME_alpha.mp4`` where there is truth), or DAVIS' ``JPEGImages/480p`` and ``Annotations/480p``; or is
            itself one clip.

    Raises:
        SourceError: There is no such folder, or no clip in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise SourceError(f"--clips {folder}: there is no such folder")
    clips, findings = _davis_clips(root)
    if not clips and (itself := _folder_clip(root)):
        clips = [itself]
    if not clips:
        folders = [each for each in sorted(root.iterdir()) if each.is_dir()]
        videos, findings = _video_clips(root)
        clips = [clip for each in folders if (clip := _folder_clip(each))]
        names = {clip.name for clip in clips}
        findings += [
            Finding(str(each), "a clip's mattes without its pictures")
            for each in folders
            if each.name not in names and _first_of(each, TRUTHS)
        ]
        findings += [
            Finding(str(clip.pictures), f"left out: the folder {clip.name} has the same name")
            for clip in videos
            if clip.name in names
        ]
        clips += [clip for clip in videos if clip.name not in names]
    if not clips:
        raise SourceError(
            f"--clips {folder}: no clip in it; a clip is a folder with the folders images and masks, or a video with "
            "STEM_alpha beside it"
        )
    return clips, findings


def _davis_clips(root: Path) -> tuple[list[Clip], list[Finding]]:
    pictures, truths = root / "JPEGImages" / "480p", root / "Annotations" / "480p"
    if not pictures.is_dir():
        return [], []
    clips = [
        Clip(each.name, each, _existing(truths / each.name)) for each in sorted(pictures.iterdir()) if each.is_dir()
    ]
    lonely = sorted(truths.iterdir()) if truths.is_dir() else []
    return clips, [
        Finding(str(each), "a clip's mattes without its pictures")
        for each in lonely
        if each.is_dir() and not (pictures / each.name).is_dir()
    ]


def _folder_clip(folder: Path) -> Clip | None:
    pictures = _first_of(folder, PICTURES)
    if pictures is None or next(pictures.glob("480p/*/"), None) is not None:
        return None
    return Clip(folder.resolve().name, pictures, _first_of(folder, TRUTHS))


def _first_of(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _video_clips(root: Path) -> tuple[list[Clip], list[Finding]]:
    videos: dict[str, Path] = {}
    findings = []
    for path in sorted(root.iterdir()):
        if path.suffix.lower() not in VIDEOS or not path.is_file():
            continue
        if path.stem in videos:
            findings.append(Finding(str(path), f"left out: {videos[path.stem].name} has the same stem"))
        else:
            videos[path.stem] = path
    clips = []
    for stem, path in videos.items():
        ending = next((ending for ending in ENDINGS if stem.endswith(ending)), None)
        if ending is None:
            truth = next((videos[stem + each] for each in ENDINGS if stem + each in videos), None)
            clips.append(Clip(stem, path, truth))
        elif stem.removesuffix(ending) not in videos:
            findings.append(
                Finding(str(path), f"a matte video (by its name) without its video {stem.removesuffix(ending)}")
            )
    return clips, findings


def _existing(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


def stamp_of(path: Path) -> str:
    """Changes when a file, or the list of a folder's files, does; without spaces."""
    if path.is_file():
        stat = path.stat()
        return f"{stat.st_size}.{stat.st_mtime_ns}"
    stats = [each.stat() for each in path.iterdir()]
    return f"{len(stats)}.{sum(stat.st_size for stat in stats)}.{max((stat.st_mtime_ns for stat in stats), default=0)}"
