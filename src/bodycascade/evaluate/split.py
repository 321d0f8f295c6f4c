"""The val images of a profile, read from the original files that the preprocess stage saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bodycascade.data.examples import Example
from bodycascade.data.layout import Layout
from bodycascade.data.parallel import ordered_map
from bodycascade.errors import DataError
from bodycascade.files import sha256_of
from bodycascade.preprocess.manifest import ValManifest


class ValSplit:
    """The val images in the order of the manifest; `layout` is where they lie."""

    def __init__(self, manifest: ValManifest, root: Path) -> None:
        """`root` is the folder that the manifest's layout is relative to. Raises `DataError` where it is missing."""
        self.layout = Layout.open(root / manifest.layout)
        self.ids = manifest.ids
        self._kinds, self._files = manifest.kinds, manifest.files

    def examples(self) -> Iterator[Example]:
        """Every image once, read in a thread ahead of the caller."""
        return ordered_map(self.read, self.ids, threads=1)

    def read(self, name: str) -> Example:
        """One image at native size; raises `DataError` where a file is missing, damaged or not the one checked."""
        for path in (self.layout.image_path(name), self.layout.labels_path(name)):
            self._require_unchanged(path)
        image, truth = self.layout.read_image(name), self.layout.read_labels(name)
        if image.shape[:2] != truth.shape:
            raise DataError(
                f"{name}: the image is {image.shape[:2]}, its label map {truth.shape}; run preprocess again"
            )
        return Example(name, image, truth, self._kinds[name])

    def _require_unchanged(self, path: Path) -> None:
        expected = self._files.get(path.relative_to(self.layout.folder).as_posix())
        try:
            found = sha256_of(path)
        except FileNotFoundError:
            raise DataError(
                f"{path}: gone since the preprocess stage checked it; put it back or run: dvc repro"
            ) from None
        if found != expected:
            raise DataError(f"{path}: not the file that the preprocess stage checked; run the preprocess stage again")
