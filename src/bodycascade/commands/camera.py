"""`bodycascade camera`: the camera live, in a window, a file or another program's camera."""

from __future__ import annotations

from pathlib import Path

import click

from bodycascade.commands.video import STYLES, make_effect, parse_level
from bodycascade.errors import BodyCascadeError


@click.command(short_help="Segment or blur the camera's picture, live.")
@click.option("--source", default="0", show_default=True, help="A camera's number or device, an address, or a video.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Record to this file instead of a window."
)
@click.option("--loopback", type=click.Path(path_type=Path), help="A v4l2 loopback device, for meeting programs.")
@click.option("--window/--no-window", default=None, help="Show a window; by default where nothing else is asked for.")
@click.option("--blur", is_flag=True, help="Blur the background; short for --style blur.")
@click.option("--style", type=click.Choice(STYLES), default="overlay", show_default=True, help="As in `video`.")
@click.option("--level", default="parts", show_default=True, callback=parse_level, help="0 body, 1 halves or 2 parts.")
@click.option("--node", default="body", show_default=True, help="What stays sharp or white: body, head, torso ...")
@click.option("--background", metavar="PICTURE|COLOUR", help="The new background of --style replace.")
@click.option(
    "--blur-strength",
    type=click.FloatRange(0.1, 20),
    default=2.0,
    show_default=True,
    help="In percent of the picture's long side.",
)
@click.option("--opacity", type=click.FloatRange(0, 1), default=0.6, show_default=True, help="Of the overlay.")
@click.option(
    "--smooth",
    type=click.FloatRange(0, 5),
    default=0.2,
    show_default=True,
    metavar="SECONDS",
    help="Average over time where the picture stands still, against flicker.",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="End after this time.")
@click.option("--quality", type=click.IntRange(0, 51), default=20, show_default=True, help="0 best, 51 smallest.")
@click.option("--overwrite", is_flag=True, help="Replace the output where it exists.")
@click.option("--model", type=click.Path(path_type=Path), help="A folder with a cascade; by default the released one.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    *,
    source: str,
    output: Path | None,
    loopback: Path | None,
    window: bool | None,
    blur: bool,
    style: str,
    level: int,
    node: str,
    background: str | None,
    blur_strength: float,
    opacity: float,
    smooth: float,
    seconds: float | None,
    quality: int,
    overwrite: bool,
    model: Path | None,
    device: str,
) -> None:
    """Segment what the camera sees, live.

    Only the newest picture is looked at, so what is shown is never late. Esc, q or Ctrl-C ends.

    \b
    bodycascade camera --blur
    bodycascade camera -o live.mp4 --seconds 30
    bodycascade camera --blur --loopback /dev/video10
    """
    try:
        if output is not None and output.exists() and not overwrite:
            raise BodyCascadeError(f"{output}: exists already; name another file, or add --overwrite")
        from bodycascade.video import live  # noqa: PLC0415 - torch and PyAV take seconds, --help should not

        shots = live.camera_shots(source)
        sinks: list[live.Sink] = [] if output is None else [live.Recording(output, quality=quality)]
        sinks += [] if loopback is None else [live.Loopback(loopback)]
        if window or (window is None and not sinks):
            sinks.append(live.Window("bodycascade"))
        from bodycascade.cascade import CascadeSegmenter  # noqa: PLC0415

        segmenter = CascadeSegmenter.load(model, device)
        effect = make_effect(
            segmenter.tree,
            style="blur" if blur else style,
            level=level,
            node=node,
            opacity=opacity,
            blur=blur_strength,
            background=background,
            smooth=smooth,
        )
        shown, dropped = live.run_live(shots, segmenter, effect, sinks, seconds=seconds)
    except (BodyCascadeError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{shown} pictures shown, {dropped} passed over to stay in time")
