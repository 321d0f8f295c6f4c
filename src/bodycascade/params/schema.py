"""What params.yaml holds: one frozen record per section, every field with its range, none with a default.

Units and meaning of each key stand as comments in params.yaml itself. A range is written once, here, as the annotation
of its field; `reading.py` checks values against it and words the errors from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from bodycascade.hierarchy import Tree, flat
from bodycascade.regions import Zoom


@dataclass(frozen=True)
class Range:
    """A number lies between `low` and `high`, both allowed unless `above` or `below` is set."""

    low: float
    high: float
    above: bool = False
    below: bool = False


@dataclass(frozen=True)
class Length:
    """A list has from `low` to `high` entries; each entry obeys the other annotations."""

    low: int
    high: int


@dataclass(frozen=True)
class OddOnly:
    """A whole number is odd."""


@dataclass(frozen=True)
class Pattern:
    """A text matches the regular expression `expression` in full; `wording` says so in words."""

    expression: str
    wording: str


@dataclass(frozen=True)
class ZeroOr:
    """0 is allowed beside the range, with the meaning `wording`."""

    wording: str


Name = Annotated[str, Pattern(r"[A-Za-z][A-Za-z0-9_]*", "a plain word of letters, digits and _")]
PathText = Annotated[str, Pattern(r"[^\x00-\x1f]+", "a path")]
InnerPath = Annotated[
    str, Pattern(r"(?!/)(?!(.*/)?\.\.(/|$))[^\x00-\x1f\\:]+", "a file name below the data folder, without ..")
]
Share = Annotated[float, Range(0, 1)]
Strength = Annotated[float, Range(0, 1)]


@dataclass(frozen=True)
class Profile:
    """Which data and which results folders belong together; paths are relative to the repository's root.

    `tree`: cascade (an expert for each inner class) or flat (one network for all leaves).
    """

    name: Name
    root: PathText
    params: PathText
    source: PathText
    tree: Literal["cascade", "flat"]

    def root_from(self, params_file: Path) -> Path:
        """The repository's root, absolute, where the parameters were read from `params_file`."""
        return (params_file.resolve().parent / self.root).resolve()

    def trained_tree(self, tree: Tree) -> Tree:
        """The tree whose experts the profile trains to tell the classes of `tree` apart: itself, or it made flat."""
        return flat(tree) if self.tree == "flat" else tree

    @property
    def data(self) -> Path:
        """Folder of the packs and their manifest."""
        return Path("results/data") / self.name

    @property
    def models(self) -> Path:
        """Folder of the trained experts and the cascade's bundle."""
        return Path("results/models") / self.name

    @property
    def metrics(self) -> Path:
        """Folder of the TensorBoard events."""
        return Path("results/metrics") / self.name

    @property
    def plots(self) -> Path:
        """Folder of the tables that are drawn as plots."""
        return Path("results/plots") / self.name

    @property
    def predictions(self) -> Path:
        """Folder of the predicted label maps, ID.png."""
        return Path("results/predictions") / self.name

    @property
    def reports(self) -> Path:
        """Folder of metrics.json and report.html."""
        return Path("results/reports") / self.name

    @property
    def work(self) -> Path:
        """Folder of checkpoints and locks, kept out of git and DVC."""
        return Path(".work") / self.name


@dataclass(frozen=True)
class Base:
    """What the stages after preprocess share."""

    seed: Annotated[int, Range(0, 2**31 - 1)]
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Grayscale:
    """How pictures without colour are found, and what the training set does with them."""

    treatment: Literal["keep", "drop", "balance"]
    tolerance: Annotated[float, Range(0, 64)]
    balanced_share: Annotated[float, Range(0, 0.9)]


@dataclass(frozen=True)
class Rendered:
    """The data set that the renderer makes."""

    train: Annotated[int, Range(2, 100000)]
    val: Annotated[int, Range(1, 100000)]
    side: Annotated[int, Range(32, 4096)]
    grayscale_fraction: Share
    seed: Annotated[int, Range(0, 2**31 - 1)]


@dataclass(frozen=True)
class Preprocess:
    """The preprocess stage."""

    source: Literal["rendered", "folder"]
    train_ids: InnerPath
    val_ids: InnerPath
    selection_fraction: Annotated[float, Range(0, 0.5, above=True, below=True)]
    long_side: Annotated[int, Range(32, 4096), ZeroOr("native size")]
    grayscale: Grayscale
    rendered: Rendered


@dataclass(frozen=True)
class Augment:
    """Random changes to a training picture."""

    flip: Share
    scale_min: Annotated[float, Range(0.1, 10)]
    scale_max: Annotated[float, Range(0.1, 10)]
    scale_steps: Annotated[int, Range(1, 1000)]
    rotate: Share
    rotate_degrees: Annotated[float, Range(0, 45)]
    colour: Share
    brightness: Strength
    contrast: Strength
    saturation: Strength
    hue: Annotated[float, Range(0, 0.5)]
    grayscale: Share
    blur: Share
    blur_sigma_min: Annotated[float, Range(0, 100, above=True)]
    blur_sigma_max: Annotated[float, Range(0, 100, above=True)]


@dataclass(frozen=True)
class Calibration:
    """The search for what is added to an expert's logits at the end; see `train.calibration`."""

    reach: Annotated[float, Range(0, 100)]
    steps: Annotated[int, Range(3, 1001), OddOnly()]
    rounds: Annotated[int, Range(1, 100)]
    thinning: Annotated[int, Range(1, 100)]


@dataclass(frozen=True)
class WeightAveraging:
    """Cycles of the learning rate after the training proper; see `train.best_weights`."""

    cycles: Annotated[int, Range(0, 100)]
    epochs: Annotated[int, Range(1, 10000)]
    rate: Annotated[float, Range(0, 1, above=True)]


UPKEEP = ("checkpoint_seconds", "panels", "prefetch")
"""Fields of `TrainParams` that no weight depends on. They have a section of their own, `train.upkeep`, which DVC does
not follow, so that a change trains nothing anew."""


@dataclass(frozen=True)
class TrainParams:
    """The training of one expert: `train.common` with the expert's own section laid over it, and `train.upkeep`."""

    encoder: Annotated[str, Pattern(r"[A-Za-z][A-Za-z0-9_.+:]*", "none or the name of an encoder")]
    encoder_weights: Annotated[str, Pattern(r"[^\x00-\x1f]+", "installed, random or a path")]
    encoder_rate: Annotated[float, Range(0, 10)]
    standardise_views: Annotated[int, Range(1, 100000)]
    box_share: Share
    box_jitter: Annotated[float, Range(0, 1)]
    box_size_power: Annotated[float, Range(0, 2)]
    input_side: Annotated[int, Range(16, 4096)]
    crop_side: Annotated[int, Range(16, 4096)]
    crops: Literal["on_node", "anywhere"]
    widths: Annotated[tuple[int, ...], Range(1, 2048), Length(1, 8)]
    block_depth: Annotated[int, Range(1, 8)]
    kernel: Annotated[int, Range(1, 15), OddOnly()]
    stem_stride: Literal[1, 2, 4]
    input_pool: Literal[1, 2, 4]
    dropout: Annotated[float, Range(0, 0.9)]
    start: Literal["scratch", "parent"]
    parent_mask: Literal["truth", "predicted", "mixed"]
    predicted_fraction: Share
    mask_threshold: Annotated[float, Range(0, 1, above=True, below=True)]
    mask_form: Literal["hard", "soft"]
    outside: Share
    batch_size: Annotated[int, Range(1, 4096)]
    epochs: Annotated[int, Range(1, 10000)]
    restarts: Annotated[tuple[int, ...], Range(1, 10000), Length(0, 100)]
    learning_rate: Annotated[float, Range(0, 1, above=True)]
    weight_decay: Annotated[float, Range(0, 10)]
    weight_averaging: WeightAveraging
    warmup_epochs: Annotated[float, Range(0, 10000)]
    clip_norm: Annotated[float, Range(0, 1e6, above=True)]
    ema_decay: Annotated[float, Range(0, 1, below=True)]
    ema_warmup: Annotated[int, Range(1, 1000000)]
    class_weight_power: Annotated[float, Range(0, 2)]
    leaf_loss_weight: Annotated[float, Range(0, 100)]
    dice_weight: Annotated[float, Range(0, 100)]
    label_smoothing: Annotated[float, Range(0, 1, below=True)]
    calibration: Calibration
    checkpoint_seconds: Annotated[float, Range(0, 86400)]
    panels: Annotated[int, Range(0, 100)]
    prefetch: Annotated[int, Range(1, 64)]
    augment: Augment


@dataclass(frozen=True)
class ZoomParams:
    """How people are looked for and enlarged; but for `looks`, see `regions.Zoom`."""

    looks: Literal["never", "once", "twice"]
    threshold: Annotated[float, Range(0, 1, above=True, below=True)]
    margin: Annotated[float, Range(0, 4)]
    whole: Share
    again_below: Share
    again_above: Share

    @property
    def settings(self) -> Zoom | None:
        """What the cascade is given: None where every expert looks at the whole image."""
        if self.looks == "never":
            return None
        below, above = (self.again_below, self.again_above) if self.looks == "twice" else (0.0, 0.0)
        return Zoom(self.threshold, self.margin, self.whole, below, above)


@dataclass(frozen=True)
class Evaluate:
    """The evaluate stage."""

    routing: Literal["hard", "soft"]
    bootstrap_samples: Annotated[int, Range(0, 100000)]
    half: bool


@dataclass(frozen=True)
class Visualize:
    """The visualize stage."""

    panels: Annotated[int, Range(0, 100)]
    panel_side: Annotated[int, Range(64, 4096)]


@dataclass(frozen=True)
class Params:
    """All of params.yaml; `train` maps each expert that the profile trains to its merged parameters."""

    profile: Profile
    base: Base
    preprocess: Preprocess
    zoom: ZoomParams
    train: dict[str, TrainParams]
    evaluate: Evaluate
    visualize: Visualize
