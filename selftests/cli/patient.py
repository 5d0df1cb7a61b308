#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""patient.py FROM TO: the same model, which asks not to become active when it is
deployed."""

import sys
from pathlib import Path

from kernmlops import model_file

model = model_file.parse(Path(sys.argv[1]).read_bytes())
model.provenance["deploy"] = {"active": False}
Path(sys.argv[2]).write_bytes(model_file.build(model))
