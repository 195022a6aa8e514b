"""``livebg models``: the weights on this machine."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from livebg import weights
from livebg.cli.progress import ProgressLine, download_bar, fetch
from livebg.errors import SinkError, UsageError, WeightsError
from livebg.fetch import LocalPath, Source, Url
from livebg.whole_file import write_whole

_MEGA = 1_000_000


@click.group()
def models() -> None:
    """List, fetch, verify and remove weights.

    They lie in the platform's folder for caches, or in LIVEBG_HOME. LIVEBG_OFFLINE=1 forbids to fetch.
    """


@models.command("list")
def list_() -> None:
    """What can be had, how large it is, its licence, and whether it is here."""
    for name, file in packaged().items():
        click.echo(
            f"{name:11} {'packaged':8} {file.stat().st_size / _MEGA:6.1f} MB  {'MIT':11} people in calls; our own"
        )
    store = weights.store()
    for name in store.names():
        entry = store.entry(name)
        size = f"{entry.bytes / _MEGA:.1f} MB" if entry.bytes else "?"
        click.echo(f"{name:11} {store.state(name):8} {size:>9}  {entry.licence:11} {entry.about}")
    click.echo(f"in {store.folder}")


@models.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that can be had.")
@click.option("--from", "origin", metavar="PATH_OR_URL", help="Take this file in place of the known sources.")
def pull(names: tuple[str, ...], everything: bool, origin: str | None) -> None:
    """Fetch weights by name, checked by their checksum; those of U²-Net are made in whole numbers, too."""
    from livebg.segment.published import PUBLISHED

    store = weights.store()
    if bool(names) == everything:
        raise UsageError(f"give names or --all: {', '.join(store.names())}")
    if origin is not None and len(names) != 1:
        raise UsageError("--from gives one file: name one model")
    failures = []
    for name in names or store.names():
        if name in packaged():
            click.echo(f"{name}: comes with livebg, {packaged()[name]}")
            continue
        try:
            if store.state(name) == "sound":
                click.echo(f"{name}: here already, {store.path(name)}")
            else:
                with download_bar(name) as progress:
                    found = store.ensure(name, progress, sources=None if origin is None else [_source(origin)])
                click.echo(f"{name}: {found}")
            if name in PUBLISHED:
                click.echo(f"{name}: in whole numbers, {PUBLISHED[name].ensure()}")
        except WeightsError as exc:
            failures.append(str(exc))  # the others can still be had
    if failures:
        raise WeightsError("; ".join(failures))


@models.command()
@click.argument("name")
def path(name: str) -> None:
    """Print where a model lies; exit 1 where it does not."""
    if name in packaged():
        click.echo(packaged()[name])
        return
    store = weights.store()
    if store.state(name) != "sound":
        raise WeightsError(f"{name} is {store.state(name)} at {store.path(name)}: livebg models pull {name}")
    click.echo(store.path(name))


@models.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Hash what is here, or the named; exit 1 where one is damaged or missing."""
    store = weights.store()
    failures = []
    for name in names or [name for name in store.names() if store.path(name).exists()]:
        if name in packaged():
            click.echo(f"{name}: comes with livebg, {packaged()[name]}")
            continue
        try:
            store.verify(name)
        except WeightsError as exc:
            failures.append(str(exc))
        else:
            click.echo(f"{name}: sound")
    if failures:
        raise WeightsError("; ".join(failures))


@models.command()
@click.argument("names", nargs=-1, required=True)
def remove(names: tuple[str, ...]) -> None:
    """Delete weights from this machine."""
    store = weights.store()
    for name in names:
        click.echo(f"{name}: {'removed' if store.remove(name) else 'was not here'}")


@models.command()
@click.argument("name")
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("table", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--count", default=12, show_default=True, type=click.IntRange(1), help="Pictures of each folder.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def calibrate(name: str, data: Path, table: Path, count: int, quiet: bool) -> None:
    """Write TABLE, by which a published network is made in whole numbers.

    It holds the least and the greatest value of each tensor of the network NAME, on pictures of the folders in DATA.
    livebg comes with a table of each, made so: this is for whoever makes another.
    """
    from livebg.train.calibration import published_table

    if not table.parent.is_dir():  # told before minutes are spent
        raise SinkError(f"cannot write {table}: there is no folder {table.parent}")
    with ProgressLine(name, quiet=quiet) as line:
        text = published_table(name, data, count, fetch=partial(fetch, quiet=quiet), progress=line.count)
    try:
        write_whole(table, text.encode())
    except OSError as exc:
        raise SinkError(f"cannot write {table}: {exc.strerror}") from exc
    if not quiet:
        click.echo(table)


def packaged() -> dict[str, Path]:
    """The weights that come with livebg, by name."""
    from livebg.segment.segmenter import packaged_models

    return dict(sorted(packaged_models().items()))


def _source(origin: str) -> Source:
    return Url(origin) if origin.startswith(("https://", "http://")) else LocalPath(Path(origin))
