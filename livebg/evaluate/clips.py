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
        return "-".join(_stamp(path) for path in (self.pictures, self.truth) if path is not None)

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


def find_clips(folder: str) -> list[Clip]:
    """The clips in a folder, in the order of their names.

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
    itself = _folder_clip(root)
    clips = [itself] if itself else []
    davis = root / "JPEGImages" / "480p"
    if davis.is_dir():
        clips = [
            Clip(each.name, each, _existing(root / "Annotations" / "480p" / each.name))
            for each in sorted(davis.iterdir())
            if each.is_dir()
        ]
    if not clips:
        clips = [clip for each in sorted(root.iterdir()) if each.is_dir() and (clip := _folder_clip(each))]
        clips += _video_clips(root)
    if not clips:
        raise SourceError(
            f"--clips {folder}: no clip in it; a clip is a folder with the folders images and masks, or a video with "
            "STEM_alpha beside it"
        )
    return clips


def _folder_clip(folder: Path) -> Clip | None:
    pictures = next((folder / name for name in PICTURES if (folder / name).is_dir()), None)
    truth = next((folder / name for name in TRUTHS if (folder / name).is_dir()), None)
    if pictures is None or next(pictures.glob("480p/*/"), None) is not None:
        return None
    return Clip(folder.resolve().name, pictures, truth)


def _video_clips(root: Path) -> list[Clip]:
    videos = {path.stem: path for path in sorted(root.iterdir()) if path.suffix.lower() in VIDEOS and path.is_file()}
    truths = {stem: truth for stem in videos for ending in ENDINGS if (truth := videos.get(stem + ending))}
    return [Clip(stem, path, truths.get(stem)) for stem, path in videos.items() if path not in truths.values()]


def _existing(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


def _stamp(path: Path) -> str:
    if path.is_file():
        stat = path.stat()
        return f"{stat.st_size}.{stat.st_mtime_ns}"
    stats = [each.stat() for each in path.iterdir()]
    return f"{len(stats)}.{sum(stat.st_size for stat in stats)}.{max((stat.st_mtime_ns for stat in stats), default=0)}"
