# SPDX-License-Identifier: GPL-2.0-only
"""Model files: how they are read and written.

A file is parsed into a `ModelFile` and back. Whatever the kernel would refuse
is refused by `parse`, with a sentence of its own; what concerns the content is
in `proof`.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np

from . import model_format as fmt
from .model_format import HEADER, INPUT, SECTION, Input, Layer, ModelFile, ModelFileError, Tree
from .proof import prove


def build(model: ModelFile) -> bytes:
    """The bytes of a model file. They go through `parse`: no bad file leaves here."""
    inputs = np.zeros(len(model.inputs), INPUT)
    for i, item in enumerate(model.inputs):
        inputs[i] = (item.name.encode().ljust(fmt.INPUT_NAME_LEN, b"\0"), item.norm, item.shift,
                     item.min, item.max, item.multiplier, item.offset)
    golden = np.concatenate([model.golden_inputs, model.golden_outputs], axis=1)
    provenance = json.dumps(model.provenance, sort_keys=True, ensure_ascii=False,
                            separators=(",", ":"), allow_nan=False).encode()
    content = _layer_parts(model) if model.kind in fmt.LAYER_KINDS else _tree_parts(model)
    parts = [
        (fmt.SECTION_INPUTS, inputs),
        *content,
        (fmt.SECTION_GOLDEN, golden.astype("<i8")),
        (fmt.SECTION_PROVENANCE, np.frombuffer(provenance, "S1")),
    ]

    table = np.zeros(len(parts), SECTION)
    offset = HEADER.itemsize + table.nbytes
    body = b""
    for i, (kind, array) in enumerate(parts):
        body += bytes(-len(body) % 8)
        table[i] = (kind, offset + len(body), array.nbytes, len(array))
        body += array.tobytes()

    header = np.zeros(1, HEADER)
    header["magic"] = fmt.MAGIC
    header["format"] = fmt.FORMAT
    header["nr_sections"] = len(parts)
    header["size"] = offset + len(body)
    header["kind"] = model.kind
    header["task"] = model.task
    header["nr_inputs"] = len(model.inputs)
    header["nr_scores"] = model.nr_scores
    header["fraction_bits"] = model.fraction_bits
    header["link"] = model.link
    header["max_work"] = prove(model).work if model.max_work is None else model.max_work
    header["fingerprint"] = fmt.fingerprint(model.names)
    header["crc"] = zlib.crc32(header.tobytes() + table.tobytes() + body)

    data = header.tobytes() + table.tobytes() + body
    parse(data)
    return data


def _layer_parts(model: ModelFile) -> list[tuple[int, np.ndarray]]:
    layers = np.zeros(len(model.layers), fmt.LAYER)
    channels = []
    for i, layer in enumerate(model.layers):
        rows, columns = layer.weights.shape
        layers[i] = (columns, rows, layer.input_bits, layer.output_bits, layer.activation, 0,
                     layer.zero_point, layer.min, layer.max, 0)
        channel = np.zeros(rows, fmt.CHANNEL)
        for name in fmt.CHANNEL.names:
            channel[name] = getattr(layer, name)
        channels.append(channel)
    weights = np.concatenate([layer.weights.astype(np.int8).ravel() for layer in model.layers])
    return [(fmt.SECTION_LAYERS, layers), (fmt.SECTION_CHANNELS, np.concatenate(channels)),
            (fmt.SECTION_WEIGHTS, weights)]


def _tree_parts(model: ModelFile) -> list[tuple[int, np.ndarray]]:
    parts = [(fmt.SECTION_TREE_NODES, model.nodes.astype(fmt.TREE_NODE)),
             (fmt.SECTION_TREE_LEAVES, model.leaves.astype("<i8"))]
    if model.kind in fmt.SUM_KINDS:
        trees = np.array([(len(tree.nodes), tree.score) for tree in model.trees], fmt.TREE)
        parts = [(fmt.SECTION_TREES, trees), *parts, (fmt.SECTION_BASE, model.base.astype("<i8"))]
    return parts


def parse(data: bytes) -> ModelFile:
    """Check a model file and take it apart; raises ModelFileError.

    The golden vectors are not run: that is `Reference.verify_golden`.
    """
    header = _header(data)
    kind, task = int(header["kind"]), int(header["task"])
    nr_inputs, nr_scores = int(header["nr_inputs"]), int(header["nr_scores"])
    sections = _sections(data, int(header["nr_sections"]), kind)

    inputs = _inputs(sections, nr_inputs, kind in fmt.LAYER_KINDS)
    if fmt.fingerprint([item.name for item in inputs]) != int(header["fingerprint"]):
        raise ModelFileError("the fingerprint does not fit the input names")
    golden = _words(sections, fmt.SECTION_GOLDEN, nr_inputs + 1 + nr_scores)
    if len(golden) > fmt.GOLDEN_MAX:
        raise ModelFileError(f"{len(golden)} golden vectors, at most {fmt.GOLDEN_MAX} are allowed")

    model = ModelFile(
        kind=kind, task=task, link=int(header["link"]),
        fraction_bits=int(header["fraction_bits"]), inputs=inputs,
        golden_inputs=golden[:, :nr_inputs], golden_outputs=golden[:, nr_inputs:],
        provenance=_provenance(sections), max_work=int(header["max_work"]))
    if kind in fmt.LAYER_KINDS:
        model.layers = _layers(sections)
    else:
        leaf_words = {fmt.KIND_TREE: 1 + nr_scores, fmt.KIND_FOREST: nr_scores,
                      fmt.KIND_BOOSTED: 1}[kind]
        model.leaves = _words(sections, fmt.SECTION_TREE_LEAVES, leaf_words)
        model.trees = _trees(sections, kind)
        if kind in fmt.SUM_KINDS:
            model.base = _array(sections, fmt.SECTION_BASE, np.dtype("<i8"))
    if model.nr_scores != nr_scores:
        raise ModelFileError(f"the header says {nr_scores} scores, the content has "
                             f"{model.nr_scores}")
    work, declared = prove(model).work, int(header["max_work"])
    if work > declared:
        raise ModelFileError(f"one inference takes {work} operations, "
                             f"the file declares {declared}")
    return model


def _header(data: bytes) -> np.void:
    if len(data) < HEADER.itemsize:
        raise ModelFileError(f"{len(data)} bytes are too few for a model file")
    header = np.frombuffer(data, HEADER, 1)[0]
    if header["magic"] != fmt.MAGIC:
        raise ModelFileError("this is no model file: it does not begin with KMML")
    if header["format"] != fmt.FORMAT:
        raise ModelFileError(f"format {header['format']} is unknown, only {fmt.FORMAT} is known")
    if header["size"] != len(data):
        raise ModelFileError(f"the header says {header['size']} bytes, the file has {len(data)}")
    crc = zlib.crc32(data[:fmt.CRC_OFFSET] + bytes(4) + data[fmt.CRC_OFFSET + 4:])
    if header["crc"] != crc:
        raise ModelFileError("the checksum is wrong: the file is corrupt")
    kind, task, nr_scores = int(header["kind"]), int(header["task"]), int(header["nr_scores"])
    if kind not in fmt.KINDS:
        raise ModelFileError(f"kind {kind} is unknown")
    if task not in fmt.TASKS:
        raise ModelFileError(f"task {task} is unknown")
    if kind == fmt.KIND_TREE and task == fmt.TASK_BINARY:
        raise ModelFileError("a single tree of two classes has two scores")
    if not 1 <= header["nr_inputs"] <= fmt.INPUTS_MAX:
        raise ModelFileError(f"{header['nr_inputs']} inputs, 1 to {fmt.INPUTS_MAX} are allowed")
    if task == fmt.TASK_REGRESSION and nr_scores != 1:
        raise ModelFileError(f"a regressor has 1 score, not {nr_scores}")
    if task == fmt.TASK_BINARY and nr_scores != 1:
        raise ModelFileError(f"a binary model has 1 score, not {nr_scores}")
    if task == fmt.TASK_CLASSIFY and not 2 <= nr_scores <= fmt.SCORES_MAX:
        raise ModelFileError(f"a classifier has 2 to {fmt.SCORES_MAX} scores, not {nr_scores}")
    if header["fraction_bits"] > fmt.FRACTION_BITS_MAX:
        raise ModelFileError(f"{header['fraction_bits']} fraction bits, "
                             f"at most {fmt.FRACTION_BITS_MAX} are allowed")
    if header["link"] > fmt.LINK_SIGMOID or (header["link"] and task != fmt.TASK_BINARY):
        raise ModelFileError(f"a model of task {fmt.TASKS[task]} cannot have link {header['link']}")
    if header["link"] == fmt.LINK_SIGMOID and header["fraction_bits"] < 12:
        raise ModelFileError("link sigmoid needs at least 12 fraction bits, "
                             f"not {header['fraction_bits']}")
    if header["reserved"] != 0:
        raise ModelFileError("a reserved field of the header is not zero")
    return header


def _sections(data: bytes, nr_sections: int, model_kind: int) -> dict[int, tuple[bytes, int]]:
    """Bytes and count of each section, by type."""
    if nr_sections > fmt.SECTIONS_MAX:
        raise ModelFileError(f"{nr_sections} sections, at most {fmt.SECTIONS_MAX} are allowed")
    end = HEADER.itemsize + nr_sections * SECTION.itemsize
    if end > len(data):
        raise ModelFileError("the table of sections runs past the end of the file")

    sections: dict[int, tuple[bytes, int]] = {}
    for row in np.frombuffer(data, SECTION, nr_sections, HEADER.itemsize):
        kind, offset, size, count = (int(row[name]) for name in SECTION.names)
        if kind not in fmt.SECTIONS:
            raise ModelFileError(f"a section is of unknown type {kind}")
        name, kinds = fmt.SECTIONS[kind]
        if model_kind not in kinds:
            raise ModelFileError(f"a model of kind {fmt.KINDS[model_kind]} has no section "
                                 f"of {name}")
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
    for kind, (name, kinds) in fmt.SECTIONS.items():
        if model_kind in kinds and kind != fmt.SECTION_PROVENANCE and \
                not sections.get(kind, (b"", 0))[1]:
            raise ModelFileError(f"the section of {name} is missing or empty")
    return sections


def _array(sections: dict[int, tuple[bytes, int]], kind: int, dtype: np.dtype,
           length: int = 1) -> np.ndarray:
    """The elements of a section, each `length` times `dtype`."""
    data, count = sections[kind]
    if len(data) != count * length * dtype.itemsize:
        raise ModelFileError(f"the section of {fmt.SECTIONS[kind][0]} has {len(data)} bytes, "
                             f"{count} elements need {count * length * dtype.itemsize}")
    return np.frombuffer(data, dtype)


def _words(sections: dict[int, tuple[bytes, int]], kind: int, length: int) -> np.ndarray:
    """The vectors of a section, one per row."""
    return _array(sections, kind, np.dtype("<i8"), length).reshape(-1, length)


def _inputs(sections: dict[int, tuple[bytes, int]], nr_inputs: int, layers: bool) -> list[Input]:
    rows = _array(sections, fmt.SECTION_INPUTS, INPUT)
    if len(rows) != nr_inputs:
        raise ModelFileError(f"the header says {nr_inputs} inputs, {len(rows)} are described")
    inputs: list[Input] = []
    for i, row in enumerate(rows):
        raw, _, rest = row["name"].tobytes().partition(b"\0")
        if not raw:
            raise ModelFileError(f"input {i} has no name")
        if len(raw) == fmt.INPUT_NAME_LEN or any(rest):
            raise ModelFileError(f"the name of input {i} is not ended and padded with NUL")
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            raise ModelFileError(f"the name of input {i} is not UTF-8") from None
        if name in (other.name for other in inputs):
            raise ModelFileError(f"there are two inputs of the name {name}")
        item = Input(name, **{key: int(row[key]) for key in INPUT.names[1:]})
        if item.norm > fmt.NORM_LOG2:
            raise ModelFileError(f"input {name} has unknown normalizer {item.norm}")
        if layers and item.norm == fmt.NORM_NONE:
            raise ModelFileError(f"input {name} has no normalizer, layers need one")
        if not layers and item.norm != fmt.NORM_NONE:
            raise ModelFileError(f"input {name} has a normalizer, trees take inputs as they are")
        if item.norm == fmt.NORM_NONE and (item.shift or item.multiplier or item.offset):
            raise ModelFileError(f"input {name} has no normalizer, but factors")
        if item.shift > 62:
            raise ModelFileError(f"input {name} has a shift of {item.shift}, 62 at most")
        if item.min > item.max:
            raise ModelFileError(f"input {name} has a minimum above its maximum")
        inputs.append(item)
    return inputs


def _layers(sections: dict[int, tuple[bytes, int]]) -> list[Layer]:
    rows = _array(sections, fmt.SECTION_LAYERS, fmt.LAYER)
    channels = _array(sections, fmt.SECTION_CHANNELS, fmt.CHANNEL)
    weights = _array(sections, fmt.SECTION_WEIGHTS, np.dtype("i1"))
    layers: list[Layer] = []
    channel, weight = 0, 0
    for i, row in enumerate(rows):
        inputs, outputs = int(row["nr_inputs"]), int(row["nr_outputs"])
        if row["reserved"] or row["reserved2"]:
            raise ModelFileError(f"a reserved field of layer {i} is not zero")
        if channel + outputs > len(channels):
            raise ModelFileError(f"layer {i} has {outputs} channels, "
                                 f"{len(channels) - channel} are left in the file")
        if weight + inputs * outputs > len(weights):
            raise ModelFileError(f"layer {i} has {inputs * outputs} weights, "
                                 f"{len(weights) - weight} are left in the file")
        own = channels[channel:channel + outputs]
        layers.append(Layer(
            weights=weights[weight:weight + inputs * outputs].reshape(outputs, inputs),
            **{name: own[name].astype(np.int64) for name in fmt.CHANNEL.names},
            **{name: int(row[name]) for name in (
                "input_bits", "output_bits", "activation", "zero_point", "min", "max")}))
        channel, weight = channel + outputs, weight + inputs * outputs
    if channel != len(channels) or weight != len(weights):
        raise ModelFileError("there are more channels or weights than the layers have")
    return layers


def _trees(sections: dict[int, tuple[bytes, int]], kind: int) -> list[Tree]:
    nodes = _array(sections, fmt.SECTION_TREE_NODES, fmt.TREE_NODE)
    if kind == fmt.KIND_TREE:
        return [Tree(nodes)]
    rows = _array(sections, fmt.SECTION_TREES, fmt.TREE)
    trees, at = [], 0
    for i, row in enumerate(rows):
        nr, score = int(row["nr_nodes"]), int(row["score"])
        if not 1 <= nr <= len(nodes) - at:
            raise ModelFileError(f"tree {i} has {nr} nodes, {len(nodes) - at} are left in the file")
        trees.append(Tree(nodes[at:at + nr], score))
        at += nr
    if at != len(nodes):
        raise ModelFileError(f"{len(nodes) - at} nodes belong to no tree")
    return trees


def _provenance(sections: dict[int, tuple[bytes, int]]) -> dict[str, Any]:
    data, _ = sections.get(fmt.SECTION_PROVENANCE, (b"{}", 1))
    try:
        provenance = json.loads(data)
    except ValueError:
        raise ModelFileError("the provenance is not JSON") from None
    if not isinstance(provenance, dict):
        raise ModelFileError("the provenance is not a JSON object")
    return provenance
