"""Cut people out of a picture: python examples/cut_out_person.py IMAGE OUT.png [BUNDLE]"""

import sys

from bodycascade import BodyCascadeError, CascadeSegmenter


def main(image: str, out: str, bundle: str | None = None) -> None:
    """The people of `image` on a transparent ground, cropped to them."""
    found = CascadeSegmenter.load(bundle)(image)
    if not found.mask("body").any():
        sys.exit(f"{image}: nobody was found")
    person = found.cutout("body")
    person.crop(person.getchannel("A").getbbox()).save(out)
    print(f"{out}: {found.share('body'):.0%} of the picture")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or not sys.argv[2].lower().endswith(".png"):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:4])
    except BodyCascadeError as error:  # one line, as of a picture that cannot be read
        sys.exit(str(error))
