"""Segmenters to measure a cascade against: Google's BodyPix, and one that finds nobody."""

from bodycascade.baselines.bodypix import BodyPixSegmenter
from bodycascade.baselines.constant import ConstantSegmenter

__all__ = ["BodyPixSegmenter", "ConstantSegmenter"]
