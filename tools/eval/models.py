#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Models of many sizes, for what an inference takes; their weights are random.

    models.py DIR: writes DIR/NAME.kmml, where NAME is the widths of the layers
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from kernmlops import Reference, model_file
from kernmlops import model_format as fmt
from kernmlops.model_format import Input, Layer, ModelFile

SHAPES = [
    (8, 2), (16, 8, 2), (16, 32, 16, 4), (12, 64, 64, 2), (31, 256, 2),
    (64, 128, 128, 2), (64, 256, 256, 10), (128, 512, 256, 10),
    (256, 512, 512, 10), (256, 512, 512, 512, 512, 10),
]


def layer(rng: np.random.Generator, inputs: int, outputs: int, last: bool) -> Layer:
    """A layer whose outputs fill some of their type: ReLU, or scores."""
    weights = rng.integers(-127, 128, (outputs, inputs)).astype(np.int8)
    # Sums are about 73 * 40 * sqrt(inputs); outputs about 40.
    shift = 30 + int(np.log2(73 * np.sqrt(inputs))) if not last else 31
    return Layer(
        weights=weights,
        bias=rng.integers(-1000, 1000, outputs).astype(np.int64),
        multiplier=np.full(outputs, 1 << 30, np.int64),
        shift=np.full(outputs, shift, np.int64),
        input_bits=8, output_bits=32 if last else 8, activation=fmt.ACTIVATION_CLAMP,
        zero_point=0 if last else -128,
        min=-2**31 if last else -128, max=2**31 - 1 if last else 127)


def model(shape: tuple[int, ...], golden: int = 16) -> ModelFile:
    """A classifier of these widths over inputs of a microsecond to a second."""
    rng = np.random.default_rng(sum(shape))
    layers = [layer(rng, inputs, outputs, i == len(shape) - 2)
              for i, (inputs, outputs) in enumerate(zip(shape, shape[1:]))]
    # log2q4 of up to 2^30 is at most 480.
    inputs = [Input(f"x{i}", 0, 2**30 - 1, fmt.NORM_LOG2, 1, 1, -256) for i in range(shape[0])]
    file = ModelFile(
        kind=fmt.KIND_LINEAR if len(layers) == 1 else fmt.KIND_MLP, task=fmt.TASK_CLASSIFY,
        fraction_bits=16, inputs=inputs, layers=layers,
        golden_inputs=rng.integers(1000, 2**30, (golden, shape[0])),
        golden_outputs=np.zeros((golden, 1 + shape[-1]), np.int64))
    file.golden_outputs = Reference(file).outputs(file.golden_inputs)
    return file


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for shape in SHAPES:
        name = "-".join(map(str, shape))
        (directory / f"{name}.kmml").write_bytes(model_file.build(model(shape)))
        print(name)


if __name__ == "__main__":
    main()
