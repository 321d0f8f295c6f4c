"""What the figures were measured on."""

from __future__ import annotations

import datetime
import platform
from pathlib import Path

import torch

from bodycascade.data.parallel import usable_cores


def machine_facts() -> dict[str, str | int]:
    """The processor as the system names it, its cores that this process may use, torch's threads, versions, today."""
    return {
        "cpu": _cpu_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
    }


def machine_line(facts: dict[str, str | int]) -> str:
    """The facts in one line of text."""
    return (
        f"{facts['cpu']} ({facts['instructions']}), {facts['cores']} cores, torch {facts['torch']}, "
        f"Python {facts['python']}, {facts['date']}"
    )


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
