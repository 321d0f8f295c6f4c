"""`bodycascade video`: a video in, a video out, with the people in it painted, cut out or before another background."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bodycascade.errors import BodyCascadeError

if TYPE_CHECKING:
    from bodycascade.hierarchy import Tree
    from bodycascade.video.effects import Effect

STYLES = ("overlay", "classes", "matte", "blur", "replace")


def parse_level(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """The number of a level given as 0, 1, 2 or by its name."""
    from bodycascade.outputs.asked import LEVELS  # noqa: PLC0415 - see make_effect

    if value in LEVELS:
        return LEVELS[value]
    if value.isdecimal():
        return int(value)
    raise click.BadParameter(f"expected 0, 1, 2, body, halves or parts; found {value!r}")


def make_effect(
    tree: Tree,
    *,
    style: str,
    level: int,
    node: str,
    opacity: float,
    blur: float,
    background: str | None,
    smooth: float,
) -> Effect:
    """The effect that the options of `video` and `camera` ask for; raises `BodyCascadeError` for what cannot be."""
    from bodycascade.video import effects  # noqa: PLC0415 - torch and PyAV take seconds, --help should not

    if style == "matte":
        return effects.Matte(tree, node, smooth_seconds=smooth)
    if style in ("overlay", "classes"):
        strength = 1.0 if style == "classes" else opacity
        return effects.Overlay(tree, level=level, opacity=strength, smooth_seconds=smooth)
    if style == "replace" and background is None:
        raise BodyCascadeError("a new background needs a picture or a colour: --background beach.jpg, or green")
    picture = effects.read_background(background) if style == "replace" and background else None
    return effects.Background(tree, node, picture=picture, blur_fraction=blur / 100, smooth_seconds=smooth)


@click.command(short_help="Paint, cut out or re-background the people in a video.")
@click.argument("source", metavar="IN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The video to write: .mp4, .m4v, .mov, .mkv or .webm.",
)
@click.option(
    "--style",
    type=click.Choice(STYLES),
    default="overlay",
    show_default=True,
    help="overlay: parts in colours over the picture; classes: the colours alone; matte: white on black; "
    "blur: the background blurred; replace: another background.",
)
@click.option(
    "--level", default="parts", show_default=True, callback=parse_level, help="0 body, 1 halves or 2 parts (overlay)."
)
@click.option("--node", default="body", show_default=True, help="What stays sharp or white: body, head, torso ...")
@click.option("--background", metavar="PICTURE|COLOUR", help="The new background of --style replace.")
@click.option(
    "--blur",
    type=click.FloatRange(0.1, 20),
    default=2.0,
    show_default=True,
    help="Strength of the blur, in percent of the frame's long side.",
)
@click.option("--opacity", type=click.FloatRange(0, 1), default=0.6, show_default=True, help="Of the overlay.")
@click.option(
    "--smooth",
    type=click.FloatRange(0, 5),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="Average over time where the picture stands still, against flicker; 0.2 is a good start.",
)
@click.option("--sound/--no-sound", default=True, show_default=True, help="Carry the audio tracks over.")
@click.option("--quality", type=click.IntRange(0, 51), default=20, show_default=True, help="0 best, 51 smallest.")
@click.option("--overwrite", is_flag=True, help="Replace OUT where it exists.")
@click.option("--model", type=click.Path(path_type=Path), help="A folder with a cascade; by default the released one.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--batch", type=click.IntRange(1, 64), default=4, show_default=True, help="Frames segmented together.")
def command(
    *,
    source: Path,
    output: Path,
    style: str,
    level: int,
    node: str,
    background: str | None,
    blur: float,
    opacity: float,
    smooth: float,
    sound: bool,
    quality: int,
    overwrite: bool,
    model: Path | None,
    device: str,
    batch: int,
) -> None:
    """Segment the people in the video IN and write the video OUT.

    Sound, frame times and orientation stay as they are; OUT appears once it is whole.

    \b
    bodycascade video clip.mov -o parts.mp4
    bodycascade video clip.mov -o call.mp4 --style blur --smooth 0.2
    bodycascade video clip.mov -o beach.mp4 --style replace --background beach.jpg
    """
    try:
        if output.exists() and not overwrite:
            raise BodyCascadeError(f"{output}: exists already; name another file, or add --overwrite")
        from bodycascade.cascade import CascadeSegmenter  # noqa: PLC0415 - see make_effect
        from bodycascade.video.conversion import convert  # noqa: PLC0415
        from bodycascade.video.counting import FrameCounter  # noqa: PLC0415

        segmenter = CascadeSegmenter.load(model, device)
        effect = make_effect(
            segmenter.tree,
            style=style,
            level=level,
            node=node,
            opacity=opacity,
            blur=blur,
            background=background,
            smooth=smooth,
        )
        with FrameCounter(source.name) as counter:
            done = convert(
                source, output, segmenter, effect, batch=batch, quality=quality, sound=sound, on_frame=counter.at
            )
    except (BodyCascadeError, OSError) as error:
        raise click.ClickException(str(error)) from None
    for note in done.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{output}: {done.frames} frames")
