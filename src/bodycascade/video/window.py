"""A window on the screen that shows frames as they come."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from bodycascade.drawing import Picture
from bodycascade.errors import MissingExtraError, VideoError

if TYPE_CHECKING:
    import pygame


_DESKTOP_SHARE = 0.9
"""So much of the desktop's width and height a new window takes at most."""

_INSTEAD = "write to a file instead: -o live.mp4"


class Window:
    """A window on the screen, closed by its button, Esc or q; frames fill it as far as their shape allows."""

    def __init__(self, title: str) -> None:
        self._pygame = _windows()
        self._title = title
        self._screen: pygame.Surface | None = None

    def show(self, image: Picture, seconds: float) -> bool:
        """Show one frame."""
        height, width = image.shape[:2]
        try:
            screen = self._screen = self._screen or self._open(width, height)
            room_width, room_height = screen.get_size()
            scale = min(room_width / width, room_height / height)
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            frame = self._pygame.image.frombuffer(np.ascontiguousarray(image).data, (width, height), "RGB")
            screen.fill((0, 0, 0))
            place = ((room_width - size[0]) // 2, (room_height - size[1]) // 2)
            screen.blit(self._pygame.transform.smoothscale(frame, size), place)
            self._pygame.display.flip()
            return not any(self._ends(event) for event in self._pygame.event.get())
        except self._pygame.error as error:
            raise VideoError(f"the window cannot be opened ({error}); {_INSTEAD}") from None

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()

    def _open(self, width: int, height: int) -> pygame.Surface:
        self._pygame.display.init()
        most_width, most_height = self._pygame.display.get_desktop_sizes()[0]
        scale = min(1.0, _DESKTOP_SHARE * most_width / width, _DESKTOP_SHARE * most_height / height)
        self._pygame.display.set_caption(self._title)
        size = (round(width * scale), round(height * scale))
        screen: pygame.Surface = self._pygame.display.set_mode(size, self._pygame.RESIZABLE)
        return screen

    def _ends(self, event: pygame.Event) -> bool:
        quits = event.type == self._pygame.KEYDOWN and event.key in (self._pygame.K_ESCAPE, self._pygame.K_q)
        return quits or event.type == self._pygame.QUIT


def _windows() -> ModuleType:
    """pygame, which opens windows; raises `VideoError` where there is no screen."""
    chosen = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in chosen):
        raise VideoError(f"there is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set); {_INSTEAD}")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # else it greets on standard output
    try:
        import pygame  # noqa: PLC0415 - only a window needs it
    except ModuleNotFoundError:
        raise MissingExtraError("pygame-ce", "camera") from None
    return pygame
