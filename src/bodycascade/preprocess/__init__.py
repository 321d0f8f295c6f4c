"""From a data set in its layout to packs, class frequencies and manifests."""

from __future__ import annotations

from bodycascade.preprocess.manifest import Manifest, ValManifest, open_pack, read_manifest, read_val_manifest
from bodycascade.preprocess.pack import Pack
from bodycascade.preprocess.stage import preprocess

__all__ = ["Manifest", "Pack", "ValManifest", "open_pack", "preprocess", "read_manifest", "read_val_manifest"]
