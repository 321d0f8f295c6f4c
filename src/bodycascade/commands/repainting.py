"""What `video` and `camera` are asked for alike: how a frame is repainted, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bodycascade.commands.option_group import Decorator, option_group
from bodycascade.errors import BodyCascadeError

if TYPE_CHECKING:
    from bodycascade.hierarchy import Tree
    from bodycascade.video.effects import Effect

STYLES = ("overlay", "classes", "matte", "blur", "replace")


@dataclass(frozen=True)
class Repainting:
    """The options of both commands. `level`: a number or a name; `blur_strength`: percent of the frame's long side."""

    style: str | None
    level: str
    node: str
    background: str | None
    blur_strength: float
    opacity: float
    blur: bool
    smooth: float
    quality: int
    overwrite: bool

    def effect(self, tree: Tree) -> Effect:
        """What becomes of a frame; raises `BodyCascadeError` for what cannot be."""
        from bodycascade.outputs import level_number  # noqa: PLC0415 - torch and PyAV take seconds
        from bodycascade.video import effects  # noqa: PLC0415

        level = level_number(self.level, tree)
        if self.blur and self.style not in ("blur", None):
            raise BodyCascadeError(f"--blur and --style {self.style} are two styles; give one of them")
        style = "blur" if self.blur else self.style or ("overlay" if self.background is None else "replace")
        if self.background is not None and style != "replace":
            raise BodyCascadeError(f"--background is for --style replace, not for {style}; leave one of them out")
        if style == "matte":
            return effects.Matte(tree, self.node, smooth_seconds=self.smooth)
        if style in ("overlay", "classes"):
            strength = 1.0 if style == "classes" else self.opacity
            return effects.Overlay(tree, level=level, opacity=strength, smooth_seconds=self.smooth)
        if style == "replace" and self.background is None:
            raise BodyCascadeError("a new background needs a picture or a colour: --background beach.jpg, or green")
        picture = effects.read_background(self.background) if style == "replace" and self.background else None
        return effects.Background(
            tree, self.node, picture=picture, blur_fraction=self.blur_strength / 100, smooth_seconds=self.smooth
        )

    def check_free(self, output: Path) -> None:
        """Raises `BodyCascadeError` where the file `output` is there and may not be replaced."""
        if output.exists() and not self.overwrite:
            raise BodyCascadeError(f"{output}: exists already; name another file, or add --overwrite")


def repainting_options(*, smooth: float) -> Decorator:
    """A decorator: the shared options, given to the command as one `Repainting` called `asked`.

    `smooth` is the default in seconds.
    """
    return option_group(Repainting, "asked", _options(smooth))


def _options(smooth: float) -> list[Decorator]:
    return [
        click.option(
            "--style",
            type=click.Choice(STYLES),
            help="overlay, the default: parts in colours over the picture; classes: the colours alone; "
            "matte: white on black; blur: the background blurred; replace: another background.",
        ),
        click.option("--blur", is_flag=True, help="Blur the background; short for --style blur."),
        click.option("--level", default="parts", show_default=True, help="0 body, 1 halves or 2 parts, of overlays."),
        click.option(
            "--node",
            default="body",
            show_default=True,
            help="What stays sharp, or is white: body, head, torso ...",
        ),
        click.option("--background", metavar="PICTURE|COLOUR", help="Another background; means --style replace."),
        click.option(
            "--blur-strength",
            type=click.FloatRange(0.1, 20),
            default=2.0,
            show_default=True,
            help="Of a blurred background, in percent of the frame's long side.",
        ),
        click.option("--opacity", type=click.FloatRange(0, 1), default=0.6, show_default=True, help="Of the overlay."),
        click.option(
            "--smooth",
            type=click.FloatRange(0, 5),
            default=smooth,
            show_default=True,
            metavar="SECONDS",
            help="Average over time where the picture stands still, against flicker; 0.2 is a good start.",
        ),
        click.option(
            "--quality", type=click.IntRange(0, 51), default=20, show_default=True, help="0 best, 51 smallest."
        ),
        click.option("--overwrite", is_flag=True, help="Replace the output where it exists."),
    ]
