from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bodycascade

FOREIGN = (
    "yaml",
    "dvc",
    "albumentations",
    "tensorboard",
    "cv2",
    "matplotlib",
    "torchvision",
    "pandas",
    "scipy",
)


def test_public_names() -> None:
    assert bodycascade.__all__ == [
        "PASCAL_PART",
        "BodyCascadeError",
        "CascadeSegmenter",
        "Node",
        "Segmentation",
        "Segmenter",
        "Tree",
        "__version__",
    ]
    for name in bodycascade.__all__:
        assert hasattr(bodycascade, name)


def test_importing_loads_nothing_but_what_a_prediction_needs() -> None:
    code = (
        "import sys, torch\n"
        "before = torch.random.get_rng_state()\n"
        "import bodycascade\n"
        "assert 'bodycascade.cascade' not in sys.modules\n"
        "bodycascade.CascadeSegmenter\n"
        "assert bool((torch.random.get_rng_state() == before).all())\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    source = str(Path(bodycascade.__file__).parents[1])
    environment = {"PYTHONPATH": source, "PATH": "/usr/bin:/bin"}
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert found.returncode == 0, found.stderr
    loaded = set(found.stdout.split())
    assert {"torch", "numpy", "PIL", "safetensors"} <= loaded
    assert not loaded & set(FOREIGN)
