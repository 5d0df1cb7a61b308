# SPDX-License-Identifier: GPL-2.0-only
"""uapi/linux/kernmlops_model.h for numpy, and a model file taken apart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MAGIC = 0x4C4D4D4B
FORMAT = 1

INPUTS_MAX = 512
SCORES_MAX = 128
SECTIONS_MAX = 16
GOLDEN_MAX = 1024
INPUT_NAME_LEN = 32
LAYERS_MAX = 32
WIDTH_MAX = 512
TREES_MAX = 4096
FRACTION_BITS_MAX = 62

KIND_LINEAR = 1
KIND_MLP = 2
KIND_TREE = 3
KIND_FOREST = 4
KIND_BOOSTED = 5
KINDS = {KIND_LINEAR: "linear", KIND_MLP: "mlp", KIND_TREE: "tree", KIND_FOREST: "forest",
         KIND_BOOSTED: "boosted"}
LAYER_KINDS = (KIND_LINEAR, KIND_MLP)
SUM_KINDS = (KIND_FOREST, KIND_BOOSTED)

TASK_REGRESSION = 1
TASK_CLASSIFY = 2
TASK_BINARY = 3
TASKS = {TASK_REGRESSION: "regression", TASK_CLASSIFY: "classify", TASK_BINARY: "binary"}

LINK_NONE = 0
LINK_SIGMOID = 1

NORM_NONE = 0
NORM_AFFINE = 1
NORM_LOG2 = 2

ACTIVATION_CLAMP = 0
ACTIVATION_SIGMOID = 1
ACTIVATION_TANH = 2

TREE_LEAF = 0xFFFF

SECTION_INPUTS = 1
SECTION_TREE_NODES = 2
SECTION_TREE_LEAVES = 3
SECTION_GOLDEN = 4
SECTION_PROVENANCE = 5
SECTION_TREES = 6
SECTION_BASE = 7
SECTION_LAYERS = 8
SECTION_CHANNELS = 9
SECTION_WEIGHTS = 10
TREE_KINDS = (KIND_TREE, *SUM_KINDS)
# Name of each section, and the kinds of model that have it.
SECTIONS = {
    SECTION_INPUTS: ("inputs", tuple(KINDS)),
    SECTION_TREE_NODES: ("tree nodes", TREE_KINDS),
    SECTION_TREE_LEAVES: ("tree leaves", TREE_KINDS),
    SECTION_GOLDEN: ("golden vectors", tuple(KINDS)),
    SECTION_PROVENANCE: ("provenance", tuple(KINDS)),
    SECTION_TREES: ("trees", SUM_KINDS),
    SECTION_BASE: ("base", SUM_KINDS),
    SECTION_LAYERS: ("layers", LAYER_KINDS),
    SECTION_CHANNELS: ("channels", LAYER_KINDS),
    SECTION_WEIGHTS: ("weights", LAYER_KINDS),
}

HEADER = np.dtype([
    ("magic", "<u4"), ("format", "<u2"), ("nr_sections", "<u2"),
    ("size", "<u4"), ("crc", "<u4"),
    ("kind", "<u2"), ("task", "<u2"), ("nr_inputs", "<u2"), ("nr_scores", "<u2"),
    ("fraction_bits", "<u4"), ("link", "<u2"), ("reserved", "<u2"), ("fingerprint", "<u8"),
    ("max_work", "<u8"),
])
SECTION = np.dtype([("type", "<u4"), ("offset", "<u4"), ("size", "<u4"), ("count", "<u4")])
# The name is void, not S: numpy would strip what follows the first NUL.
INPUT = np.dtype([
    ("name", f"V{INPUT_NAME_LEN}"), ("norm", "<u4"), ("shift", "<u4"),
    ("min", "<i8"), ("max", "<i8"), ("multiplier", "<i8"), ("offset", "<i8"),
])
LAYER = np.dtype([
    ("nr_inputs", "<u2"), ("nr_outputs", "<u2"), ("input_bits", "u1"), ("output_bits", "u1"),
    ("activation", "u1"), ("reserved", "u1"),
    ("zero_point", "<i4"), ("min", "<i4"), ("max", "<i4"), ("reserved2", "<u4"),
])
CHANNEL = np.dtype([("bias", "<i4"), ("multiplier", "<i4"), ("shift", "<u4")])
TREE = np.dtype([("nr_nodes", "<u4"), ("score", "<u4")])
TREE_NODE = np.dtype([
    ("threshold", "<i8"), ("child", "<u4"), ("input", "<u2"), ("reserved", "<u2"),
])

CRC_OFFSET = HEADER.fields["crc"][1]


class ModelFileError(ValueError):
    """A model file that the kernel would refuse; the message says why."""


@dataclass(frozen=True)
class Input:
    """An input: its name, the range the model was calibrated for, its normalizer.

    Layers have a normalizer for each input, trees have none: NORM_NONE.
    """

    name: str
    min: int
    max: int
    norm: int = NORM_NONE
    shift: int = 0
    multiplier: int = 0
    offset: int = 0


@dataclass
class Layer:
    """A fully connected layer: `weights` has a row per output channel, s8;
    `bias`, `multiplier` and `shift` a value per output channel."""

    weights: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    input_bits: int
    output_bits: int
    activation: int
    zero_point: int
    min: int
    max: int


@dataclass
class Tree:
    """The nodes of one tree, TREE_NODE; and, of boosted trees, the score that
    its leaves add to."""

    nodes: np.ndarray
    score: int = 0


@dataclass
class ModelFile:
    """The content of a model file.

    Of layers, `layers`. Of trees, `trees` and `leaves`: one vector of s64 per
    leaf, which is an output vector in a single tree, the scores in a forest,
    and one score in boosted trees; of the latter two also `base`, what each
    score begins with. `golden_inputs` and `golden_outputs` hold one vector per
    row. `max_work` is computed unless given.
    """

    kind: int
    task: int
    fraction_bits: int
    inputs: list[Input]
    golden_inputs: np.ndarray
    golden_outputs: np.ndarray
    link: int = LINK_NONE
    layers: list[Layer] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    leaves: np.ndarray = field(default_factory=lambda: np.zeros((0, 1), np.int64))
    base: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    provenance: dict[str, Any] = field(default_factory=dict)
    max_work: int | None = None

    @property
    def nr_scores(self) -> int:
        """Scores per inference; an output vector is one word longer."""
        if self.kind in LAYER_KINDS:
            return len(self.layers[-1].weights)
        return len(self.base) if self.kind in SUM_KINDS else self.leaves.shape[1] - 1

    @property
    def names(self) -> list[str]:
        """Names of the inputs."""
        return [item.name for item in self.inputs]

    @property
    def nodes(self) -> np.ndarray:
        """The nodes of all trees, one tree after the other."""
        return np.concatenate([tree.nodes for tree in self.trees])


def fingerprint(names: list[str]) -> int:
    """The fingerprint of a list of input names, as in the header."""
    digest = hashlib.sha256(b"".join(name.encode() + b"\0" for name in names)).digest()
    return int.from_bytes(digest[:8], "little")
