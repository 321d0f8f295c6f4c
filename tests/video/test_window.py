"""The window, on a screen that SDL keeps in memory."""

from __future__ import annotations

import numpy as np
import pygame
import pytest

from bodycascade.errors import VideoError
from bodycascade.video.window import Window
from tests.video.rendered import figure


def test_without_a_screen_there_is_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(VideoError, match=r"there is no screen here .*; write to a file instead: -o live.mp4"):
        Window("title")


def test_a_window_shows_frames_until_a_key_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # SDL's screen in memory
    window = Window("title")
    try:
        assert window.show(figure(), 0.0)
        shown = pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
        np.testing.assert_array_equal(shown, figure())
        assert pygame.display.get_caption()[0] == "title"
        pygame.event.post(pygame.Event(pygame.KEYDOWN, key=pygame.K_a))
        assert window.show(figure(), 0.1)
        for event in (pygame.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE), pygame.Event(pygame.QUIT)):
            pygame.event.post(event)
            assert not window.show(figure(), 0.2)
    finally:
        window.close()
    assert not pygame.display.get_init()


def test_a_frame_of_another_shape_leaves_bars_in_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = Window("title")
    try:
        window.show(np.full((400, 100, 3), 90, np.uint8), 0.0)
        window.show(np.full((50, 200, 3), 200, np.uint8), 0.1)
        shown = pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
    finally:
        window.close()
    assert shown.shape[:2] == (400, 100)
    assert np.unique(shown[188:212]).tolist() == [200]
    assert np.unique(shown[:180]).tolist() == [0]


def test_a_screen_that_is_not_there_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":97")
    with pytest.raises(VideoError, match=r"the window cannot be opened \(.*\); write to a file instead"):
        Window("title").show(figure(), 0.0)
