"""Count in how many pictures of a folder each part is seen: python examples/count_parts.py FOLDER [BUNDLE]"""

import sys
from collections import Counter

from bodycascade import BodyCascadeError, CascadeSegmenter
from bodycascade.errors import ImageError
from bodycascade.picture_run import find_sources

SEEN = 0.002  # of the picture; less than that is a speck


def main(folder: str, bundle: str | None = None) -> None:
    """One line per part: its name, and the number of pictures that show it, of those that could be read."""
    segmenter, pictures = CascadeSegmenter.load(bundle), find_sources([folder])
    counts: Counter[str] = Counter()
    read = 0
    for picture in pictures:
        try:
            found = segmenter(picture.read())
        except ImageError as error:
            print(error, file=sys.stderr)
            continue
        read += 1
        counts.update(part for part in segmenter.tree.levels[-1] if found.share(part) > SEEN)
    for part in segmenter.tree.levels[-1]:
        print(f"{part:<10} {counts[part]:>5} of {read}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:3])
    except BodyCascadeError as error:  # one line, as of a picture that cannot be read
        sys.exit(str(error))
