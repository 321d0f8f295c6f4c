"""How a cascade puts its experts together: what a bundle and an exported folder say beside the experts themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bodycascade.errors import BundleError
from bodycascade.regions import Zoom

ROUTINGS = ("hard", "soft")


@dataclass(frozen=True)
class CascadeSettings:
    """`routing` and `zoom` as `CascadeSegmenter` explains them. Raises `BundleError` for an unknown routing."""

    routing: str
    zoom: Zoom | None

    def __post_init__(self) -> None:
        if self.routing not in ROUTINGS:
            raise BundleError(f"routing: expected hard or soft, found {self.routing!r}")

    def to_json(self) -> dict[str, Any]:
        """The settings as plain data; `from_json` gives equal settings back."""
        return {"routing": self.routing, "zoom": None if self.zoom is None else self.zoom.to_json()}

    @classmethod
    def from_json(cls, data: object) -> CascadeSettings:
        """The settings that `to_json` wrote; raises `BundleError` on anything else."""
        if not isinstance(data, dict) or set(data) != {"routing", "zoom"}:
            found = ", ".join(map(str, data)) if isinstance(data, dict) else type(data).__name__
            raise BundleError(f"the cascade's settings must have exactly routing, zoom; found {found}")
        zoom = data["zoom"]
        return cls(data["routing"], None if zoom is None else Zoom.from_json(zoom))
