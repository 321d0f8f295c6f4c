"""`bodycascade doctor`: what is installed, where it runs, whether it works and how fast."""

from __future__ import annotations

import click

from bodycascade.commands.cascade_options import CascadeChoice, cascade_options


@click.command()
@cascade_options
def doctor(cascade: CascadeChoice) -> int:
    """Show versions and the device, test the cascade for a second on a drawn picture.

    The exit code is 1 where the test fails.
    """
    from bodycascade.diagnosis import device_lines, self_test, versions  # noqa: PLC0415 - --help is quick without

    for name, found in versions():
        print(f"{name:<14} {found}")
    for name, found in device_lines(cascade.device, backend=cascade.backend):
        print(f"{name:<14} {found}", flush=True)
    segmenter = cascade.load()
    print(f"{'cascade':<14} {segmenter!r}", flush=True)
    result = self_test(segmenter)
    print(f"{'self-test':<14} {result.summary()}")
    return 0 if result.passed else 1
