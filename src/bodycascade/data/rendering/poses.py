"""Poses that people take: standing, walking, sitting, reaching, crouching, riding; each with its own play."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bodycascade.data.rendering.skeleton import Arm, Leg, Pose

Generator = np.random.Generator
HeadTurn = tuple[float, float, float]


def random_pose(rng: Generator, kinds: dict[str, float]) -> Pose:
    """A pose of a kind drawn with the weights `kinds`, mirrored half of the time."""
    names = sorted(kinds)
    weights = np.array([kinds[name] for name in names])
    kind = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    pose = _KINDS[kind](rng)
    if rng.random() < 0.5:
        return pose
    nod, turn, tilt = pose.head
    return Pose(
        pose.name,
        pose.lean,
        -pose.roll,
        -pose.twist,
        (nod, -turn, -tilt),
        (pose.arms[1], pose.arms[0]),
        (pose.legs[1], pose.legs[0]),
    )


def _stand(rng: Generator) -> Pose:
    relaxed = rng.uniform(0, 14)
    legs = (Leg(rng.uniform(-3, 6), rng.uniform(2, 6), 4), Leg(relaxed, rng.uniform(3, 12), relaxed * 1.6))
    return Pose(
        "stand",
        rng.uniform(-3, 6),
        rng.uniform(-4, 4),
        rng.uniform(-8, 8),
        _head(rng),
        (_rest_arm(rng), _any_arm(rng)),
        legs,
    )


def _walk(rng: Generator) -> Pose:
    stride = rng.uniform(16, 32)
    legs = (Leg(stride, 2, rng.uniform(2, 14)), Leg(-stride * 0.75, 2, rng.uniform(12, 42)))
    arms = (
        Arm(-stride * rng.uniform(0.7, 1.1), 8, rng.uniform(8, 25), 10),
        Arm(stride * rng.uniform(0.8, 1.3), 6, rng.uniform(15, 45), 10),
    )
    return Pose("stand", rng.uniform(0, 8), 0, rng.uniform(-8, 8), _head(rng), arms, legs)


def _run(rng: Generator) -> Pose:
    stride = rng.uniform(35, 58)
    legs = (Leg(stride, 2, rng.uniform(45, 75)), Leg(-stride * 0.5, 2, rng.uniform(35, 85)))
    arms = (Arm(-stride * 0.8, 10, rng.uniform(70, 100), 15), Arm(stride * 0.8, 8, rng.uniform(75, 105), 20))
    return Pose("stand", rng.uniform(8, 18), 0, rng.uniform(-10, 10), _head(rng), arms, legs)


def _cheer(rng: Generator) -> Pose:
    both = rng.random() < 0.6
    high = Arm(rng.uniform(0, 20), rng.uniform(120, 165), rng.uniform(5, 50), rng.uniform(60, 100))
    other = Arm(rng.uniform(0, 20), rng.uniform(115, 165), rng.uniform(5, 60), rng.uniform(60, 100))
    legs = (Leg(rng.uniform(-3, 5), rng.uniform(3, 16), 4), Leg(rng.uniform(0, 8), rng.uniform(3, 16), 8))
    arms = (high, other if both else _rest_arm(rng))
    return Pose("stand", rng.uniform(-4, 5), rng.uniform(-5, 5), rng.uniform(-8, 8), _head(rng), arms, legs)


def _sit(rng: Generator) -> Pose:
    bend = rng.uniform(78, 92)
    legs = (
        Leg(bend, rng.uniform(4, 14), bend - rng.uniform(-4, 14)),
        Leg(bend + rng.uniform(-4, 4), rng.uniform(4, 14), bend - rng.uniform(-6, 22)),
    )
    lap = Arm(rng.uniform(18, 38), rng.uniform(3, 10), rng.uniform(35, 65), rng.uniform(5, 30))
    other = lap if rng.random() < 0.5 else _any_arm(rng)
    return Pose("sit", rng.uniform(-6, 10), rng.uniform(-3, 3), 0, _head(rng), (lap, other), legs)


def _crouch(rng: Generator) -> Pose:
    bend = rng.uniform(95, 120)
    legs = (
        Leg(bend, rng.uniform(8, 20), bend + rng.uniform(12, 28)),
        Leg(bend - rng.uniform(0, 30), rng.uniform(8, 20), bend + rng.uniform(8, 25)),
    )
    arm = Arm(rng.uniform(40, 70), rng.uniform(2, 12), rng.uniform(20, 60), rng.uniform(0, 30))
    return Pose("stand", rng.uniform(12, 32), 0, rng.uniform(-6, 6), _head(rng), (arm, _forward_arm(rng)), legs)


def _bend(rng: Generator) -> Pose:
    legs = (Leg(rng.uniform(0, 15), 4, rng.uniform(5, 20)), Leg(rng.uniform(5, 25), 5, rng.uniform(10, 35)))
    arms = (Arm(rng.uniform(40, 75), 5, rng.uniform(5, 40), 10), Arm(rng.uniform(45, 80), 5, rng.uniform(5, 35), 10))
    return Pose("stand", rng.uniform(35, 65), 0, rng.uniform(-8, 8), _head(rng), arms, legs)


def _ride(rng: Generator) -> Pose:
    phase = rng.uniform(0, 2 * np.pi)
    legs = tuple(
        Leg(62 + 26 * np.sin(phase + shift), 3, 82 + 26 * np.cos(phase + shift) + 14 * np.sin(phase + shift))
        for shift in (0.0, np.pi)
    )
    arm = Arm(rng.uniform(62, 76), 8, rng.uniform(10, 24), 10)
    return Pose("ride", rng.uniform(22, 40), 0, 0, (rng.uniform(-14, 0), 0, 0), (arm, arm), (legs[0], legs[1]))


def _head(rng: Generator) -> HeadTurn:
    return (rng.normal(4, 7), rng.normal(0, 16), rng.normal(0, 5))


def _rest_arm(rng: Generator) -> Arm:
    return Arm(rng.uniform(-8, 12), rng.uniform(6, 16), rng.uniform(5, 28), rng.uniform(0, 35))


def _forward_arm(rng: Generator) -> Arm:
    return Arm(rng.uniform(35, 85), rng.uniform(0, 20), rng.uniform(10, 80), rng.uniform(0, 40))


def _any_arm(rng: Generator) -> Arm:
    kind = rng.choice(["rest", "hip", "forward", "wave", "fold", "side"], p=[0.34, 0.16, 0.16, 0.12, 0.12, 0.1])
    arms: dict[str, Callable[[], Arm]] = {
        "rest": lambda: _rest_arm(rng),
        "hip": lambda: Arm(rng.uniform(-22, -8), rng.uniform(34, 48), rng.uniform(75, 95), rng.uniform(75, 95)),
        "forward": lambda: _forward_arm(rng),
        "wave": lambda: Arm(0, rng.uniform(75, 110), rng.uniform(70, 110), rng.uniform(165, 195)),
        "fold": lambda: Arm(rng.uniform(12, 25), rng.uniform(4, 14), rng.uniform(85, 115), rng.uniform(45, 75)),
        "side": lambda: Arm(rng.uniform(-8, 8), rng.uniform(60, 95), rng.uniform(0, 30), rng.uniform(0, 90)),
    }
    return arms[str(kind)]()


_KINDS: dict[str, Callable[[Generator], Pose]] = {
    "stand": _stand,
    "walk": _walk,
    "run": _run,
    "cheer": _cheer,
    "sit": _sit,
    "crouch": _crouch,
    "bend": _bend,
    "ride": _ride,
}
