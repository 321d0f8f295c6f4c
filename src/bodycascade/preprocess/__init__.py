"""From a data set in its layout to packs, class frequencies and a manifest."""

from __future__ import annotations

from bodycascade.preprocess.making import preprocess
from bodycascade.preprocess.manifest import Manifest, open_pack, read_manifest
from bodycascade.preprocess.pack import Pack

__all__ = ["Manifest", "Pack", "open_pack", "preprocess", "read_manifest"]
