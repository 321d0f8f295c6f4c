"""A fixture for packages of tests whose networks are tiny; a conftest that imports it has it for all of its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.threads import computing_in


@pytest.fixture(autouse=True, scope="module")
def single_thread() -> Iterator[None]:
    """One thread for arithmetic while a file's tests run: a few hundred weights lose more by waiting for a second."""
    with computing_in(1):
        yield
