# SPDX-License-Identifier: GPL-2.0-only
"""The model file: how it is read and written.

The layout is uapi/linux/kernmlops_model.h; this is that header for numpy. A
file is parsed into a `ModelFile` and back, and `parse` refuses whatever the
kernel would refuse, each with its own sentence.
"""

from __future__ import annotations

import hashlib
import json
import zlib
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
FRACTION_BITS_MAX = 62

KIND_TREE = 3
KINDS = {1: "linear", 2: "mlp", 3: "tree", 4: "forest", 5: "boosted"}

TASK_REGRESSION = 1
TASK_CLASSIFY = 2

NORM_NONE = 0

TREE_LEAF = 0xFFFF

SECTION_INPUTS = 1
SECTION_TREE_NODES = 2
SECTION_TREE_LEAVES = 3
SECTION_GOLDEN = 4
SECTION_PROVENANCE = 5
SECTIONS = {
    SECTION_INPUTS: "inputs",
    SECTION_TREE_NODES: "tree nodes",
    SECTION_TREE_LEAVES: "tree leaves",
    SECTION_GOLDEN: "golden vectors",
    SECTION_PROVENANCE: "provenance",
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
TREE_NODE = np.dtype([
    ("threshold", "<i8"), ("child", "<u4"), ("input", "<u2"), ("reserved", "<u2"),
])

CRC_OFFSET = HEADER.fields["crc"][1]


class ModelFileError(ValueError):
    """A model file that the kernel would refuse; the message says why."""


@dataclass
class ModelFile:
    """The content of a model file.

    `inputs` holds (name, min, max) in the order of the input vector. `nodes`
    is an array of TREE_NODE, `leaves` one output vector of s64 per leaf,
    `golden_inputs` and `golden_outputs` one vector per row.
    """

    task: int
    fraction_bits: int
    inputs: list[tuple[str, int, int]]
    nodes: np.ndarray
    leaves: np.ndarray
    golden_inputs: np.ndarray
    golden_outputs: np.ndarray
    provenance: dict[str, Any] = field(default_factory=dict)
    kind: int = KIND_TREE

    @property
    def nr_scores(self) -> int:
        """Scores per inference; an output vector is one word longer."""
        return self.leaves.shape[1] - 1

    @property
    def names(self) -> list[str]:
        """Names of the inputs."""
        return [name for name, _, _ in self.inputs]


def fingerprint(names: list[str]) -> int:
    """The fingerprint of a list of input names, as in the header."""
    digest = hashlib.sha256(b"".join(name.encode() + b"\0" for name in names)).digest()
    return int.from_bytes(digest[:8], "little")


def build(model: ModelFile) -> bytes:
    """The bytes of a model file. They go through `parse`: no bad file leaves here."""
    inputs = np.zeros(len(model.inputs), INPUT)
    for i, (name, low, high) in enumerate(model.inputs):
        inputs[i] = (name.encode().ljust(INPUT_NAME_LEN, b"\0"), NORM_NONE, 0, low, high, 0, 0)
    golden = np.concatenate([model.golden_inputs, model.golden_outputs], axis=1)
    provenance = json.dumps(model.provenance, sort_keys=True, ensure_ascii=False,
                            separators=(",", ":"), allow_nan=False).encode()
    parts = [
        (SECTION_INPUTS, inputs.tobytes(), len(inputs)),
        (SECTION_TREE_NODES, model.nodes.astype(TREE_NODE).tobytes(), len(model.nodes)),
        (SECTION_TREE_LEAVES, model.leaves.astype("<i8").tobytes(), len(model.leaves)),
        (SECTION_GOLDEN, golden.astype("<i8").tobytes(), len(golden)),
        (SECTION_PROVENANCE, provenance, 1),
    ]

    table = np.zeros(len(parts), SECTION)
    offset = HEADER.itemsize + table.nbytes
    body = b""
    for i, (kind, data, count) in enumerate(parts):
        body += bytes(-len(body) % 8)
        table[i] = (kind, offset + len(body), len(data), count)
        body += data

    header = np.zeros(1, HEADER)
    header["magic"] = MAGIC
    header["format"] = FORMAT
    header["nr_sections"] = len(parts)
    header["size"] = offset + len(body)
    header["kind"] = model.kind
    header["task"] = model.task
    header["nr_inputs"] = len(model.inputs)
    header["nr_scores"] = model.nr_scores
    header["fraction_bits"] = model.fraction_bits
    header["max_work"] = tree_depth(model.nodes)
    header["fingerprint"] = fingerprint(model.names)
    header["crc"] = zlib.crc32(header.tobytes() + table.tobytes() + body)

    data = header.tobytes() + table.tobytes() + body
    parse(data)
    return data


def parse(data: bytes) -> ModelFile:
    """Check a model file and take it apart; raises ModelFileError."""
    header = _header(data)
    sections = _sections(data, int(header["nr_sections"]))
    nr_inputs, outputs = int(header["nr_inputs"]), 1 + int(header["nr_scores"])

    inputs = _inputs(sections, nr_inputs)
    if fingerprint([name for name, _, _ in inputs]) != int(header["fingerprint"]):
        raise ModelFileError("the fingerprint does not fit the input names")

    nodes = _array(sections, SECTION_TREE_NODES, TREE_NODE)
    leaves = _words(sections, SECTION_TREE_LEAVES, outputs)
    golden = _words(sections, SECTION_GOLDEN, nr_inputs + outputs)
    if not 1 <= len(golden) <= GOLDEN_MAX:
        raise ModelFileError(f"{len(golden)} golden vectors, 1 to {GOLDEN_MAX} are allowed")
    _check_tree(nodes, len(leaves), nr_inputs)
    _check_leaves(leaves, int(header["task"]))

    return ModelFile(
        kind=int(header["kind"]),
        task=int(header["task"]),
        fraction_bits=int(header["fraction_bits"]),
        inputs=inputs,
        nodes=nodes,
        leaves=leaves,
        golden_inputs=golden[:, :nr_inputs],
        golden_outputs=golden[:, nr_inputs:],
        provenance=_provenance(sections),
    )


def _header(data: bytes) -> np.void:
    if len(data) < HEADER.itemsize:
        raise ModelFileError(f"{len(data)} bytes are too few for a model file")
    header = np.frombuffer(data, HEADER, 1)[0]
    if header["magic"] != MAGIC:
        raise ModelFileError("this is no model file: it does not begin with KMML")
    if header["format"] != FORMAT:
        raise ModelFileError(f"format {header['format']} is unknown, only {FORMAT} is known")
    if header["size"] != len(data):
        raise ModelFileError(f"the header says {header['size']} bytes, the file has {len(data)}")
    crc = zlib.crc32(data[:CRC_OFFSET] + bytes(4) + data[CRC_OFFSET + 4:])
    if header["crc"] != crc:
        raise ModelFileError("the checksum is wrong: the file is corrupt")
    if header["kind"] != KIND_TREE:
        kind = KINDS.get(int(header["kind"]), int(header["kind"]))
        raise ModelFileError(f"a model of kind {kind} is not supported, only a tree is")
    if header["task"] not in (TASK_REGRESSION, TASK_CLASSIFY):
        raise ModelFileError(f"task {header['task']} is unknown")
    if not 1 <= header["nr_inputs"] <= INPUTS_MAX:
        raise ModelFileError(f"{header['nr_inputs']} inputs, 1 to {INPUTS_MAX} are allowed")
    if header["task"] == TASK_REGRESSION and header["nr_scores"] != 1:
        raise ModelFileError(f"a regressor has 1 score, not {header['nr_scores']}")
    if header["task"] == TASK_CLASSIFY and not 2 <= header["nr_scores"] <= SCORES_MAX:
        raise ModelFileError(f"a classifier has 2 to {SCORES_MAX} scores, "
                             f"not {header['nr_scores']}")
    if header["fraction_bits"] > FRACTION_BITS_MAX:
        raise ModelFileError(f"{header['fraction_bits']} fraction bits, "
                             f"at most {FRACTION_BITS_MAX} are allowed")
    if header["link"] != 0:
        raise ModelFileError(f"a tree cannot have link {header['link']}")
    if header["reserved"] != 0:
        raise ModelFileError("a reserved field of the header is not zero")
    return header


def _sections(data: bytes, nr_sections: int) -> dict[int, tuple[bytes, int]]:
    """Bytes and count of each section, by type."""
    if nr_sections > SECTIONS_MAX:
        raise ModelFileError(f"{nr_sections} sections, at most {SECTIONS_MAX} are allowed")
    end = HEADER.itemsize + nr_sections * SECTION.itemsize
    if end > len(data):
        raise ModelFileError("the table of sections runs past the end of the file")

    sections: dict[int, tuple[bytes, int]] = {}
    for row in np.frombuffer(data, SECTION, nr_sections, HEADER.itemsize):
        kind, offset, size, count = (int(row[name]) for name in SECTION.names)
        if kind not in SECTIONS:
            raise ModelFileError(f"a section is of unknown type {kind}")
        name = SECTIONS[kind]
        if kind in sections:
            raise ModelFileError(f"there are two sections of {name}")
        if offset % 8:
            raise ModelFileError(f"the section of {name} does not start at a multiple of 8 bytes")
        if offset < end:
            raise ModelFileError(f"the section of {name} overlaps what comes before it")
        if offset + size > len(data):
            raise ModelFileError(f"the section of {name} runs past the end of the file")
        if any(data[end:offset]):
            raise ModelFileError(f"the gap before the section of {name} is not zero")
        sections[kind] = data[offset:offset + size], count
        end = offset + size
    if any(data[end:]):
        raise ModelFileError("the bytes after the last section are not zero")
    return sections


def _array(sections: dict[int, tuple[bytes, int]], kind: int, dtype: np.dtype,
           length: int = 1) -> np.ndarray:
    """The elements of a section, each `length` times `dtype`."""
    if kind not in sections:
        raise ModelFileError(f"the section of {SECTIONS[kind]} is missing")
    data, count = sections[kind]
    if len(data) != count * length * dtype.itemsize:
        raise ModelFileError(f"the section of {SECTIONS[kind]} has {len(data)} bytes, "
                             f"{count} elements need {count * length * dtype.itemsize}")
    return np.frombuffer(data, dtype)


def _words(sections: dict[int, tuple[bytes, int]], kind: int, length: int) -> np.ndarray:
    """The vectors of a section, one per row."""
    return _array(sections, kind, np.dtype("<i8"), length).reshape(-1, length)


def _inputs(sections: dict[int, tuple[bytes, int]], nr_inputs: int) -> list[tuple[str, int, int]]:
    rows = _array(sections, SECTION_INPUTS, INPUT)
    if len(rows) != nr_inputs:
        raise ModelFileError(f"the header says {nr_inputs} inputs, {len(rows)} are described")
    inputs: list[tuple[str, int, int]] = []
    for i, row in enumerate(rows):
        raw, _, rest = row["name"].tobytes().partition(b"\0")
        if not raw:
            raise ModelFileError(f"input {i} has no name")
        if len(raw) == INPUT_NAME_LEN or any(rest):
            raise ModelFileError(f"the name of input {i} is not ended and padded with NUL")
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            raise ModelFileError(f"the name of input {i} is not UTF-8") from None
        if name in (other for other, _, _ in inputs):
            raise ModelFileError(f"there are two inputs of the name {name}")
        if row["norm"] != NORM_NONE:
            raise ModelFileError(f"input {name} has unknown normalizer {row['norm']}")
        if row["shift"] or row["multiplier"] or row["offset"]:
            raise ModelFileError(f"input {name} has no normalizer, but factors")
        if row["min"] > row["max"]:
            raise ModelFileError(f"input {name} has a minimum above its maximum")
        inputs.append((name, int(row["min"]), int(row["max"])))
    return inputs


def _check_tree(nodes: np.ndarray, nr_leaves: int, nr_inputs: int) -> None:
    """Nodes are in breadth-first order, so a walk from the root ends."""
    if not len(nodes) or not nr_leaves:
        raise ModelFileError("the tree has no nodes or no leaves")
    free = 1        # where the children of the next inner node are
    for i, node in enumerate(nodes):
        child = int(node["child"])
        if node["reserved"] != 0:
            raise ModelFileError(f"a reserved field of node {i} is not zero")
        if node["input"] == TREE_LEAF:
            if child >= nr_leaves:
                raise ModelFileError(f"node {i} names leaf {child}, there are {nr_leaves}")
            continue
        if node["input"] >= nr_inputs:
            raise ModelFileError(f"node {i} compares input {node['input']}, there are {nr_inputs}")
        if child != free or child + 2 > len(nodes):
            raise ModelFileError(f"node {i} has its children at {child}, "
                                 f"the next free place is {free} of {len(nodes)}")
        free += 2
    if free != len(nodes):
        raise ModelFileError(f"node {free} is no other node's child")


def tree_depth(nodes: np.ndarray) -> int:
    """Most comparisons from the root to a leaf."""
    depth = np.zeros(len(nodes), np.int64)
    for i, node in enumerate(nodes):
        if node["input"] != TREE_LEAF:
            depth[node["child"]:node["child"] + 2] = depth[i] + 1
    return int(depth.max(initial=0))


def _check_leaves(leaves: np.ndarray, task: int) -> None:
    answers, scores = leaves[:, 0], leaves[:, 1:]
    if task == TASK_CLASSIFY:
        bad = np.flatnonzero((answers < 0) | (answers >= scores.shape[1]))
        if len(bad):
            raise ModelFileError(f"leaf {bad[0]} answers class {answers[bad[0]]}, "
                                 f"there are {scores.shape[1]}")
    else:
        bad = np.flatnonzero(answers != scores[:, 0])
        if len(bad):
            raise ModelFileError(f"the answer of leaf {bad[0]} is not its score")


def _provenance(sections: dict[int, tuple[bytes, int]]) -> dict[str, Any]:
    data, _ = sections.get(SECTION_PROVENANCE, (b"{}", 1))
    try:
        provenance = json.loads(data)
    except ValueError:
        raise ModelFileError("the provenance is not JSON") from None
    if not isinstance(provenance, dict):
        raise ModelFileError("the provenance is not a JSON object")
    return provenance
