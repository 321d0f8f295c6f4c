"""`bodycascade doctor`: what is installed, where it runs, whether it works and how fast."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--bundle", type=click.Path(path_type=Path), help="Folder of another cascade than the one of this package."
)
def doctor(device: str, bundle: Path | None) -> int:
    """Show versions and the device, test the cascade for a second on a drawn picture.

    The exit code is 1 where the test fails.
    """
    from bodycascade.diagnosis import device_lines, self_test, versions  # noqa: PLC0415 - --help is quick without

    for name, found in versions():
        print(f"{name:<14} {found}")
    for name, found in device_lines(device):
        print(f"{name:<14} {found}", flush=True)
    from bodycascade.cascade import CascadeSegmenter  # noqa: PLC0415 - loads torch

    segmenter = CascadeSegmenter.load(bundle, device)
    print(f"{'cascade':<14} {segmenter!r}", flush=True)
    result = self_test(segmenter)
    print(f"{'self-test':<14} {result.told()}")
    return 0 if result.passed else 1
