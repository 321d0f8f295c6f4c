"""A fixture for packages of tests whose networks are tiny; a conftest that imports it has it for all of its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def single_thread() -> Iterator[None]:
    """One thread for arithmetic while a file's tests run: a few hundred weights lose more by waiting for a second."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
