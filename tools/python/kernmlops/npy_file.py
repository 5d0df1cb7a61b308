# SPDX-License-Identifier: GPL-2.0-only
"""NPY files of packed rows, mapped."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .rows import ExportError


def read_npy(path: str, meta: dict[str, Any]) -> np.ndarray:
    with open(path, "rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            header = (np.lib.format.read_array_header_1_0 if version == (1, 0)
                      else np.lib.format.read_array_header_2_0)
            shape, _, dtype = header(file, max_header_size=1 << 20)
        except ValueError as error:
            raise ExportError(f"{path}: the NPY header cannot be read ({error})") from None
        offset = file.tell()
    if dtype.names is None or len(shape) != 1:
        raise ExportError(f"{path}: this is an array of {dtype}, not of rows")
    expected = offset + shape[0] * dtype.itemsize
    size = os.path.getsize(path)
    if size != expected:
        what = "truncated" if size < expected else "followed by other data"
        raise ExportError(f"{path}: the file is {what}: it has {size} bytes, "
                          f"{shape[0]} rows of {dtype.itemsize} bytes end at {expected}")
    names = [column["name"] for column in meta["columns"]]
    if list(dtype.names) != names:
        raise ExportError(f"{path}: the columns are not those of its .meta.json")
    if not shape[0]:        # an empty file cannot be mapped
        return np.empty(0, dtype)
    return np.asarray(np.memmap(path, dtype, "r", offset, shape))
