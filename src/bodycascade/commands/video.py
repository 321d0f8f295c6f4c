"""`bodycascade video`: a video in, a video out, with the people in it painted, cut out or before another background."""

from __future__ import annotations

from pathlib import Path

import click

from bodycascade.commands.cascade_options import CascadeChoice, cascade_options
from bodycascade.commands.repainting import Repainting, repainting_options


@click.command(short_help="Paint, cut out or re-background the people in a video.")
@click.argument("source", metavar="IN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--out",
    "output",
    required=True,
    metavar="OUT",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The video to write: .mp4, .m4v, .mov, .mkv or .webm.",
)
@repainting_options(smooth=0.0)
@click.option("--sound/--no-sound", default=True, show_default=True, help="Carry the audio tracks over.")
@click.option("--batch", type=click.IntRange(1, 64), default=4, show_default=True, help="Frames taken at once.")
@cascade_options
def command(
    *, source: Path, output: Path, sound: bool, batch: int, repainting: Repainting, cascade: CascadeChoice
) -> None:
    """Segment the people in the video IN and write the video OUT.

    Sound, frame times and orientation stay as they are; OUT appears once it is whole.

    \b
    bodycascade video clip.mov -o parts.mp4
    bodycascade video clip.mov -o call.mp4 --blur --smooth 0.2
    bodycascade video clip.mov -o beach.mp4 --style replace --background beach.jpg
    """
    repainting.check_free(output)
    from bodycascade.progress import Progress, counted  # noqa: PLC0415 - --help is quick without
    from bodycascade.video.conversion import convert  # noqa: PLC0415

    effect = repainting.effect(cascade.tree())  # so that mistakes in options need not wait for the networks
    segmenter = cascade.load()
    with Progress(source.name, total=None) as progress:
        done = convert(
            source,
            output,
            segmenter,
            effect,
            batch=batch,
            quality=repainting.quality,
            sound=sound,
            on_frame=progress.at,
        )
    for note in done.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{output}: {counted(done.frames, 'frame')}")
