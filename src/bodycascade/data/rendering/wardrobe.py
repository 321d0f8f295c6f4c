"""What a person looks like: skin, hair, and clothes that go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bodycascade.data.rendering.material import PATTERNS, RGB, Material, blend, tone

SKINS: tuple[RGB, ...] = (
    (0.99, 0.82, 0.70),
    (0.97, 0.75, 0.60),
    (0.92, 0.68, 0.49),
    (0.82, 0.56, 0.37),
    (0.67, 0.43, 0.28),
    (0.51, 0.31, 0.20),
)
HAIRS: tuple[RGB, ...] = (
    (0.13, 0.10, 0.09),
    (0.25, 0.16, 0.11),
    (0.40, 0.25, 0.15),
    (0.60, 0.38, 0.20),
    (0.82, 0.66, 0.40),
    (0.62, 0.27, 0.13),
    (0.70, 0.69, 0.68),
)
CLOTHES: tuple[RGB, ...] = (
    (0.80, 0.23, 0.22),
    (0.90, 0.45, 0.25),
    (0.95, 0.74, 0.30),
    (0.36, 0.58, 0.38),
    (0.16, 0.47, 0.47),
    (0.23, 0.46, 0.72),
    (0.17, 0.24, 0.43),
    (0.47, 0.34, 0.60),
    (0.86, 0.52, 0.60),
    (0.99, 0.86, 0.52),
    (0.20, 0.62, 0.60),
    (0.20, 0.20, 0.42),
    (0.44, 0.52, 0.30),
    (0.55, 0.75, 0.82),
)
TROUSERS: tuple[RGB, ...] = (
    (0.20, 0.29, 0.45),
    (0.33, 0.44, 0.60),
    (0.15, 0.16, 0.30),
    (0.28, 0.36, 0.56),
    (0.74, 0.58, 0.36),
    (0.46, 0.31, 0.20),
    (0.60, 0.36, 0.28),
    (0.30, 0.42, 0.24),
    (0.48, 0.20, 0.22),
)
SHOES: tuple[RGB, ...] = (
    (0.16, 0.14, 0.14),
    (0.90, 0.90, 0.88),
    (0.40, 0.26, 0.18),
    (0.75, 0.20, 0.20),
    (0.25, 0.35, 0.55),
)


@dataclass(frozen=True)
class Outfit:
    """Skin, hair and clothes of one person.

    `sleeve` and `leg` are where the cloth ends on arm and leg: 0 at the joint nearest to the body, 1 at the elbow or
    knee, 2 at the wrist or ankle. `skirt` is the length of a skirt in heads, 0 for none.
    """

    skin: Material
    hair: Material
    hair_style: str
    beard: bool
    top: Material
    inner: Material | None
    sleeve: float
    bottom: Material
    leg: float
    skirt: float
    shoe: Material
    hat: Material | None
    glasses: bool


def random_outfit(rng: np.random.Generator, *, skirt_allowed: bool) -> Outfit:
    """An outfit; skirts and dresses only where the pose allows one."""
    shade = int(rng.integers(len(SKINS)))
    skin = tone(SKINS[shade], rng.uniform(0.95, 1.04))
    odds = [0.2, 0.2, 0.18, 0.14, 0.19, 0.06, 0.03] if shade < 3 else [0.5, 0.28, 0.1, 0.06, 0.0, 0.01, 0.05]
    hair = HAIRS[int(rng.choice(len(HAIRS), p=odds))]
    style = str(rng.choice(["short", "long", "bob", "bun", "curly", "bald"], p=[0.4, 0.2, 0.13, 0.1, 0.1, 0.07]))
    top = _cloth(rng, CLOTHES, skin, plain=0.55)
    skirted = skirt_allowed and style in ("long", "bob", "bun") and rng.random() < 0.5
    skirt = float(rng.uniform(1.3, 2.6)) if skirted else 0.0
    dress = skirt > 0 and rng.random() < 0.6
    bottom = top if dress else _cloth(rng, CLOTHES if skirt else TROUSERS, skin, plain=0.8 if skirt else 0.95)
    jacket = not dress and rng.random() < 0.25
    bare = rng.random() < 0.3
    return Outfit(
        skin=Material(skin, mottle=0.03, gloss=0.05),
        hair=Material(hair, tone(hair, 1.15), pattern="stripes", period=0.05, mottle=0.1, gloss=0.1),
        hair_style=style,
        beard=style in ("short", "bald", "curly") and rng.random() < 0.25,
        top=top,
        inner=_cloth(rng, CLOTHES, skin, plain=0.8) if jacket else None,
        sleeve=_sleeve(rng, jacket=jacket),
        bottom=bottom,
        leg=0.0 if skirt else float(rng.uniform(0.55, 1.0)) if bare else 2.0,
        skirt=skirt,
        shoe=Material(SHOES[int(rng.integers(len(SHOES)))], mottle=0.03, gloss=0.12),
        hat=_cloth(rng, CLOTHES, skin, plain=0.9) if rng.random() < 0.17 else None,
        glasses=bool(rng.random() < 0.15),
    )


def _sleeve(rng: np.random.Generator, *, jacket: bool) -> float:
    if jacket:
        return 2.0
    kind = rng.choice(["none", "short", "rolled", "long"], p=[0.12, 0.42, 0.08, 0.38])
    return {"none": 0.0, "short": float(rng.uniform(0.4, 0.8)), "rolled": 1.25, "long": 2.0}[str(kind)]


def _cloth(rng: np.random.Generator, colours: tuple[RGB, ...], skin: RGB, *, plain: float) -> Material:
    # Cloth in the colour of the skin would look like none.
    distinct = [colour for colour in colours if float(np.linalg.norm(np.subtract(colour, skin))) > 0.28]
    first = tone(distinct[int(rng.integers(len(distinct)))], rng.uniform(0.88, 1.1))
    other = colours[int(rng.integers(len(colours)))]
    second = other if rng.random() < 0.5 else blend(first, (1.0, 0.98, 0.94), 0.65)
    pattern = "plain" if rng.random() < plain else str(rng.choice(PATTERNS[1:], p=[0.4, 0.15, 0.3, 0.15]))
    period = float(rng.uniform(0.14, 0.4))
    return Material(first, second, pattern, period, mottle=float(rng.uniform(0.03, 0.06)))
