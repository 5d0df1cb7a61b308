# SPDX-License-Identifier: GPL-2.0-only
"""kmlopsctl, by which the kernel is reached."""

from __future__ import annotations

import os
import subprocess


class KernelError(RuntimeError):
    """What kmlopsctl refused; the message is its own. `code` is its exit code:
    1 the kernel refused, 2 usage, 3 module not loaded, 4 verification failed."""

    def __init__(self, message: str, code: int):
        super().__init__(message)
        self.code = code


def run_tool(*words: str, data: str = "") -> str:
    """The output of kmlopsctl; the variable KMLOPSCTL names another one."""
    tool = os.environ.get("KMLOPSCTL", "kmlopsctl")
    try:
        run = subprocess.run([tool, *words], input=data, capture_output=True, text=True)
    except FileNotFoundError:
        raise KernelError(f"there is no {tool} here", 127) from None
    if run.returncode:
        message = run.stderr.strip().removeprefix("kmlopsctl: ")
        raise KernelError(message or f"kmlopsctl ended with {run.returncode}", run.returncode)
    return run.stdout
