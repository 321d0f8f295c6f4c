"""What one training is about: which expert of which tree, with which parameters, where its files go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from bodycascade.errors import TrainingError
from bodycascade.hierarchy import ExpertSpec, Tree
from bodycascade.params import Params, TrainParams
from bodycascade.preprocess.manifest import Manifest, read_manifest
from bodycascade.train.seeds import Seed
from bodycascade.train.stopping import StopRequest


@dataclass(frozen=True)
class Job:
    """One training; files lie under `root`, in the folders of `params.profile`."""

    params: Params
    tree: Tree
    spec: ExpertSpec
    root: Path
    device: torch.device
    stop: StopRequest

    @property
    def train(self) -> TrainParams:
        """The expert's own parameters."""
        return self.params.train[self.spec.name]

    @property
    def starts_from_parent(self) -> bool:
        """Whether the expert starts from the weights of the one above; the root has none above."""
        return self.train.start == "parent" and self.spec.parent is not None

    @property
    def precision(self) -> str:
        """What networks run in: auto, float32 or bfloat16."""
        return self.params.base.precision

    @property
    def seed(self) -> Seed:
        """Where every random choice of this training comes from."""
        return Seed(self.params.base.seed, self.spec.name)

    @property
    def data(self) -> Path:
        """Folder of the packs and their manifest."""
        return self.root / self.params.profile.data

    def manifest(self) -> Manifest:
        """What was packed; raises `DataError` where it is missing, of other classes or made with other parameters."""
        manifest = read_manifest(self.data)
        manifest.require_tree(self.tree)
        manifest.require_settings(self.params.preprocess)
        return manifest

    @property
    def work(self) -> Path:
        """Folder of this expert's unfinished training."""
        return self.root / self.params.profile.work / self.spec.name

    @property
    def events(self) -> Path:
        """Folder of the TensorBoard events."""
        return self.root / self.params.profile.metrics / self.spec.name

    @property
    def history(self) -> Path:
        """Table of the epochs, CSV."""
        return self.root / self.params.profile.plots / f"{self.spec.name}.csv"

    @property
    def summary(self) -> Path:
        """Figures of the best epoch, JSON."""
        return self.root / self.params.profile.reports / f"{self.spec.name}.json"

    def model(self, expert: str) -> Path:
        """File of a finished expert's weights."""
        return self.root / self.params.profile.models / f"{expert}.safetensors"

    def models_above(self) -> dict[str, Path]:
        """Files of the experts that the training depends on, by name, from the parent up.

        Raises `TrainingError` where one is not trained yet.
        """
        models, above = {}, self.spec.parent
        while above is not None:
            models[above] = self.model(above)
            if not models[above].is_file():
                raise TrainingError(
                    f"{models[above]}: {self.spec.name} needs the expert {above!r} trained first; run: dvc repro"
                )
            above = self.tree.expert(above).parent
        return models

    def say(self, line: str) -> None:
        """Print a line under the expert's name."""
        print(f"{self.spec.name}: {line}", flush=True)
