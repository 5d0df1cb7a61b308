# SPDX-License-Identifier: GPL-2.0-only
"""These tests run on the host, beside a kernel that has the module: with-vm."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

TOP = Path(__file__).parents[2]
sys.path[:0] = [str(TOP / "tools/python"), str(TOP / "tools/python/tests")]
