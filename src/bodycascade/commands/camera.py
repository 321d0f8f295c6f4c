"""`bodycascade camera`: the camera live, in a window, a file or another program's camera."""

from __future__ import annotations

from pathlib import Path

import click

from bodycascade.commands.cascade_options import CascadeChoice, cascade_options
from bodycascade.commands.repainting import Repainting, repainting_options
from bodycascade.errors import BodyCascadeError


@click.command(short_help="Segment or blur the camera's picture, live.")
@click.option("--source", default="0", show_default=True, help="A camera's number or device, an address, or a video.")
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Record to this file instead of a window.",
)
@click.option("--loopback", type=click.Path(path_type=Path), help="A v4l2 loopback device, for meeting programs.")
@click.option("--window/--no-window", default=None, help="Show a window; by default where nothing else is asked for.")
@repainting_options(smooth=0.2)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="End after this time.")
@cascade_options
def command(
    *,
    source: str,
    output: Path | None,
    loopback: Path | None,
    window: bool | None,
    seconds: float | None,
    repainting: Repainting,
    cascade: CascadeChoice,
) -> None:
    """Segment what the camera sees, live.

    Only the newest picture is looked at, so what is shown is never late. Esc, q or Ctrl-C ends.

    \b
    bodycascade camera --blur
    bodycascade camera -o live.mp4 --seconds 30
    bodycascade camera --blur --loopback /dev/video10
    """
    if output is not None:
        repainting.check_free(output)
    from bodycascade.video import live  # noqa: PLC0415 - torch and PyAV take seconds, --help should not
    from bodycascade.video.window import Window  # noqa: PLC0415
    from bodycascade.video.writing import refuse_source  # noqa: PLC0415

    if output is not None:
        refuse_source(output, Path(source))
    shots = live.camera_shots(source)
    sinks: list[live.Sink] = [] if output is None else [live.Recording(output, quality=repainting.quality)]
    sinks += [] if loopback is None else [live.Loopback(loopback)]
    if window or (window is None and not sinks):
        sinks.append(Window("bodycascade"))
    if not sinks:
        raise BodyCascadeError("nothing to show to; leave out --no-window, or add -o or --loopback")
    effect = repainting.effect(cascade.tree())  # so that mistakes in options need not wait for the networks
    segmenter = cascade.load()
    shown, dropped = live.run_live(shots, segmenter, effect, sinks, seconds=seconds)
    click.echo(f"{shown} pictures shown, {dropped} passed over to stay in time")
