"""`bodycascade prepare`: data sets as their makers distribute them, to the layout that the pipeline trains on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bodycascade.commands.option_group import option_group
from bodycascade.errors import BodyCascadeError

if TYPE_CHECKING:
    from bodycascade.originals.dataset import Source

Folder = click.Path(exists=True, file_okay=False, path_type=Path)
ListFile = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Copying:
    """What is asked for of any data set: where the copy goes, how it is split, what becomes of bad images."""

    output: Path
    train_ids: Path | None
    val_ids: Path | None
    val_fraction: float
    link: bool
    skip_bad: bool


_copying_options = option_group(
    Copying,
    "copying",
    [
        click.option("-o", "--out", "output", required=True, type=click.Path(path_type=Path), help="Folder to make."),
        click.option("--train-ids", type=ListFile, help="A list of the ids to train on, one per line."),
        click.option("--val-ids", type=ListFile, help="A list of the ids to validate on."),
        click.option(
            "--val-fraction",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=0.2,
            show_default=True,
            help="Without lists: so much becomes val, chosen by the checksum of the id.",
        ),
        click.option("--link", is_flag=True, help="Link the JPEGs instead of copying them."),
        click.option("--skip-bad", is_flag=True, help="Leave bad images out instead of refusing them all."),
    ],
)


@click.group(short_help="Bring original data sets to the layout to train on.")
def command() -> None:
    """Bring a data set as its makers distribute it to the layout that the pipeline trains on."""


@command.command("pascal-part", short_help="Pascal-Part's .mat files.")
@click.argument("annotations", metavar="ANNOTATIONS", type=Folder)
@click.argument("pictures", metavar="PICTURES", type=Folder)
@_copying_options
def pascal_part(annotations: Path, pictures: Path, copying: Copying) -> None:
    """Pascal-Part: ANNOTATIONS is the release's Annotations_Part, PICTURES VOC2010's JPEGImages.

    Without lists, the images with a person are taken. Parts are grouped as Pascal-Person-Part does: hands to the lower
    arm, feet to the lower leg, the neck to the torso.
    """
    from bodycascade.hierarchy import PASCAL_PART  # noqa: PLC0415 - --help should not wait for numpy
    from bodycascade.originals import pascal_part as original  # noqa: PLC0415
    from bodycascade.progress import Progress  # noqa: PLC0415

    sources = original.find_sources(annotations, pictures, PASCAL_PART)

    def with_people(sources: Mapping[str, Source]) -> Iterable[str]:
        with Progress("look for people", total=len(sources)) as progress:
            return original.with_people(sources, on_image=progress.at)

    _write(sources, copying, choose=with_people)


@command.command("person-part", short_help="Pascal-Person-Part's label maps.")
@click.argument("masks", metavar="MASKS", type=Folder)
@click.argument("pictures", metavar="PICTURES", type=Folder)
@_copying_options
def person_part(masks: Path, pictures: Path, copying: Copying) -> None:
    """Pascal-Person-Part: MASKS are its label maps (PNG), PICTURES the JPEGs of the same names.

    Labels 1 head, 2 torso, 3 upper arm, 4 lower arm, 5 upper leg, 6 lower leg become ours; 255 becomes background.
    """
    from bodycascade.hierarchy import PASCAL_PART  # noqa: PLC0415
    from bodycascade.originals import person_part as original  # noqa: PLC0415

    sources = original.find_sources(masks, pictures, PASCAL_PART)
    _write(sources, copying)


@command.command("mattes", short_help="Portrait mattes, for the expert person alone.")
@click.argument("mattes", metavar="MATTES", type=Folder)
@click.argument("pictures", metavar="PICTURES", type=Folder)
@_copying_options
def portrait_mattes(mattes: Path, pictures: Path, copying: Copying) -> None:
    """Portrait mattes: MATTES are RGBA PNGs whose alpha is the person, PICTURES the photographs of the same names.

    Both folders are searched through. The result trains the expert `person` alone: a matte does not tell parts, so all
    of a person is labelled torso, and any other expert would learn just that.
    """
    from bodycascade.hierarchy import PASCAL_PART  # noqa: PLC0415
    from bodycascade.originals import mattes as original  # noqa: PLC0415

    sources = original.find_sources(mattes, pictures, PASCAL_PART)
    _write(sources, copying)
    click.echo("note: train the expert `person` alone on it, with train.person.leaf_loss_weight: 0", err=True)


def _write(
    sources: Mapping[str, Source], copying: Copying, *, choose: Callable[[Mapping[str, Source]], Iterable[str]] = list
) -> None:
    from bodycascade.hierarchy import PASCAL_PART  # noqa: PLC0415
    from bodycascade.originals.dataset import read_names, split_names, write_dataset  # noqa: PLC0415
    from bodycascade.progress import Progress, counted  # noqa: PLC0415

    if (copying.train_ids is None) != (copying.val_ids is None):
        raise BodyCascadeError("give both --train-ids and --val-ids, or neither")
    if copying.train_ids is not None and copying.val_ids is not None:
        splits = {"train": read_names(copying.train_ids), "val": read_names(copying.val_ids)}
    else:
        splits = split_names(choose(sources), copying.val_fraction)
    with Progress("prepare", total=sum(map(len, splits.values()))) as progress:
        made = write_dataset(
            copying.output,
            PASCAL_PART,
            splits,
            sources,
            link=copying.link,
            skip_bad=copying.skip_bad,
            on_image=progress.at,
        )
    for problem in made.problems:
        click.echo(f"left out: {problem}", err=True)
    click.echo(f"{copying.output}: {counted(made.train, 'image')} to train on, {made.val} to validate on")
