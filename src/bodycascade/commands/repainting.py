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
OPTIONS_OF_STYLES = {
    "level": ("overlay", "classes"),
    "opacity": ("overlay",),
    "node": ("matte", "blur", "replace"),
    "background": ("replace",),
    "blur_strength": ("blur",),
}
"""Which styles look at an option; the others refuse it rather than do something else than was meant."""

BLUR_STRENGTH, OPACITY = 2.0, 0.6
"""What is taken where an option is not given."""


@dataclass(frozen=True)
class Repainting:
    """The options of both commands, None where they are not given.

    `level`: a number or a name; `blur_strength`: percent of the frame's long side.
    """

    style: str | None
    level: str | None
    node: str | None
    background: str | None
    blur_strength: float | None
    opacity: float | None
    blur: bool
    smooth: float
    quality: int
    overwrite: bool

    def effect(self, tree: Tree) -> Effect:
        """What becomes of a frame; raises `BodyCascadeError` for what cannot be."""
        from bodycascade.outputs import level_number  # noqa: PLC0415 - torch and PyAV take seconds
        from bodycascade.video import effects  # noqa: PLC0415

        style = self._style()
        if style in ("overlay", "classes"):
            opacity = None if style == "classes" else OPACITY if self.opacity is None else self.opacity
            level = level_number(self.level, tree)
            return effects.Overlay(tree, level=level, opacity=opacity, smooth_seconds=self.smooth)
        node = tree.thing if self.node is None else self.node
        if not node:
            raise BodyCascadeError(f"--style {style} needs a class: --node {' or '.join(tree.levels[0])}")
        if style == "matte":
            return effects.Matte(tree, node, smooth_seconds=self.smooth)
        picture = None if self.background is None else effects.read_background(self.background)
        blur = (self.blur_strength or BLUR_STRENGTH) / 100
        return effects.Background(tree, node, picture=picture, blur_fraction=blur, smooth_seconds=self.smooth)

    def _style(self) -> str:
        """The style that is meant; raises `BodyCascadeError` where an option is none of its own."""
        if self.blur and self.style not in ("blur", None):
            raise BodyCascadeError(f"--blur and --style {self.style} are two styles; give one of them")
        style = "blur" if self.blur else self.style or ("overlay" if self.background is None else "replace")
        for option, styles in OPTIONS_OF_STYLES.items():
            if getattr(self, option) is not None and style not in styles:
                name = f"--{option.replace('_', '-')}"
                raise BodyCascadeError(f"{name} is for --style {' or '.join(styles)}, not for {style}; leave it out")
        if style == "replace" and self.background is None:
            raise BodyCascadeError("a new background needs a picture or a colour: --background beach.jpg, or green")
        return style

    def check_free(self, output: Path) -> None:
        """Raises `BodyCascadeError` where the file `output` is there and may not be replaced."""
        if output.exists() and not self.overwrite:
            raise BodyCascadeError(f"{output}: exists already; name another file, or add --overwrite")


def repainting_options(*, smooth: float) -> Decorator:
    """A decorator: the shared options, given to the command as one `Repainting` called `repainting`.

    `smooth` is the default in seconds.
    """
    return option_group(Repainting, "repainting", _options(smooth))


def _options(smooth: float) -> list[Decorator]:
    return [
        click.option(
            "--style",
            type=click.Choice(STYLES),
            help="overlay, the default: parts in colours over the picture; classes: the colours alone; "
            "matte: white on black; blur: the background blurred; replace: another background.",
        ),
        click.option("--blur", is_flag=True, help="Blur the background; short for --style blur."),
        click.option(
            "--level", default=None, show_default="the finest", help="0 body, 1 halves or 2 parts, of overlays."
        ),
        click.option(
            "--node", default=None, show_default="body", help="What stays sharp, or is white: body, head, torso ..."
        ),
        click.option("--background", metavar="PICTURE|COLOUR", help="Another background; means --style replace."),
        click.option(
            "--blur-strength",
            type=click.FloatRange(0.1, 20),
            default=None,
            show_default=f"{BLUR_STRENGTH:g}",
            help="Of a blurred background, in percent of the frame's long side.",
        ),
        click.option(
            "--opacity",
            type=click.FloatRange(0, 1),
            default=None,
            show_default=f"{OPACITY:g}",
            help="Of the overlay.",
        ),
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
