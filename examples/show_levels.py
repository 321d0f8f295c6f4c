"""Draw pictures beside their three levels: python examples/show_levels.py BUNDLE|released OUT.png IMAGE [IMAGE ...]"""

import sys

import numpy as np
from PIL import Image

from bodycascade import BodyCascadeError, CascadeSegmenter


def main(bundle: str, out: str, images: list[str]) -> None:
    """One row per picture, each view `SIDE` pixels high: the picture, body, halves, parts."""
    segmenter = CascadeSegmenter.load(None if bundle == "released" else bundle)
    rows = []
    for found in segmenter.batch(images):
        views = [Image.fromarray(found.image), *(found.overlay(level) for level in range(len(segmenter.tree.levels)))]
        width = round(SIDE * views[0].width / views[0].height)
        rows.append(np.hstack([np.asarray(view.resize((width, SIDE), Image.Resampling.LANCZOS)) for view in views]))
    widest = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, GAP), (0, widest - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    Image.fromarray(np.vstack(padded)[:-GAP]).save(out)


SIDE, GAP = 200, 8

if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2], sys.argv[3:])
    except BodyCascadeError as error:  # one line, as of a picture that cannot be read
        sys.exit(str(error))
