# SPDX-License-Identifier: GPL-2.0-only
"""The model file: what is written can be read, and what is broken is refused."""

import re
import zlib

import numpy as np
import pytest

import kernmlops
from kernmlops import model_file
from kernmlops.model_format import (HEADER, INPUT, KIND_TREE, SECTION, TASK_CLASSIFY,
                                    TASK_REGRESSION, TREE_NODE, Input, ModelFile, ModelFileError,
                                    Tree)


@pytest.fixture
def content():
    """x0 <= 10 ? class 1 : (x1 <= -3 ? class 0 : class 1)"""
    leaves = np.array([[1, 100, 900], [0, 800, 200], [1, 300, 700]])
    return ModelFile(
        kind=KIND_TREE, task=TASK_CLASSIFY, fraction_bits=10,
        inputs=[Input("x0", 0, 20), Input("x1", -5, 5)],
        trees=[Tree(np.array([(10, 1, 0, 0), (0, 0, 0xFFFF, 0), (-3, 3, 1, 0),
                              (0, 1, 0xFFFF, 0), (0, 2, 0xFFFF, 0)], TREE_NODE))],
        leaves=leaves,
        golden_inputs=np.array([[10, 0], [11, -3], [11, -2]]),
        golden_outputs=leaves,
        provenance={"trainer": "hand", "classes": [0, 1]},
    )


@pytest.fixture
def data(content):
    return model_file.build(content)


def test_round_trip(content, data, tmp_path):
    (tmp_path / "m.kmml").write_bytes(data)
    reference = kernmlops.Reference(tmp_path / "m.kmml")
    assert reference.inputs == ["x0", "x1"]
    assert reference.fraction_bits == 10
    assert reference.provenance == content.provenance
    assert reference.verify_golden() == 3
    assert reference.predict([[10, 9], [11, -3], [2**62, 0]]).tolist() == [1, 0, 1]
    assert reference.predict_scores([[-(2**63), 0]]).tolist() == [[100, 900]]
    assert reference.predict(np.empty((0, 2), np.int64)).shape == (0,)
    assert repr(reference) == "<kernmlops.Reference: tree, task classify, 2 inputs, work 2>"
    assert model_file.build(reference.file) == data


def test_layout(data):
    """Byte for byte what uapi/linux/kernmlops_model.h says."""
    assert data[:4] == b"KMML"
    assert int.from_bytes(data[4:6], "little") == 1
    assert int.from_bytes(data[8:12], "little") == len(data)
    assert HEADER.itemsize == 48 and SECTION.itemsize == 16
    assert INPUT.itemsize == 72 and TREE_NODE.itemsize == 16
    assert data[128:131] == b"x0\0"
    crc = zlib.crc32(data[:12] + bytes(4) + data[16:])
    assert int.from_bytes(data[12:16], "little") == crc
    assert data[32:40].hex() == "bf7e33eaf8b75c01"      # printf 'x0\0x1\0' | sha256sum


def test_wrong_vectors(data):
    reference = kernmlops.Reference(data)
    with pytest.raises(ValueError, match="X has 3 columns, the model has 2 inputs"):
        reference.predict([[1, 2, 3]])
    with pytest.raises(ValueError, match="column x1 has the value 0.5"):
        reference.predict([[1, 0.5]])


def test_golden_that_does_not_come_out(content):
    content.golden_outputs = content.golden_outputs[[0, 1, 1]]
    with pytest.raises(ModelFileError, match="golden vector 2 does not come out: 1 of 3"):
        kernmlops.Reference(model_file.build(content)).verify_golden()


def test_every_truncation_and_bit_flip_is_refused(data, tmp_path):
    for size in range(len(data)):
        with pytest.raises(ModelFileError):
            kernmlops.Reference(data[:size])
    for bit in range(0, 8 * len(data), 7):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ModelFileError):
            kernmlops.Reference(broken)


def patch(data, where, field, value, index=0):
    """Change one field of the header, or of an element of a section; mend the checksum."""
    data = bytearray(data)
    if where is HEADER:
        array, at = np.frombuffer(data, HEADER, 1), 0
    elif where is SECTION:
        array, at = np.frombuffer(data, SECTION, 5, HEADER.itemsize), index
    else:
        kind = {INPUT: 1, TREE_NODE: 2}.get(where, where)
        section = np.frombuffer(data, SECTION, 5, HEADER.itemsize)[kind - 1]
        dtype = where if where in (INPUT, TREE_NODE) else np.dtype([("word", "<i8")])
        array = np.frombuffer(data, dtype, section["size"] // dtype.itemsize, section["offset"])
        at = index
    array[field][at] = value
    if field != "crc":
        header = np.frombuffer(data, HEADER, 1)
        header["crc"] = 0
        header["crc"] = zlib.crc32(bytes(data))
    return bytes(data)


@pytest.mark.parametrize("where, field, value, index, sentence", [
    (HEADER, "magic", 1, 0, "this is no model file: it does not begin with KMML"),
    (HEADER, "format", 2, 0, "format 2 is unknown"),
    (HEADER, "size", 9999, 0, "the header says 9999 bytes, the file has"),
    (HEADER, "crc", 1, 0, "the checksum is wrong: the file is corrupt"),
    (HEADER, "kind", 2, 0, "a model of kind mlp has no section of tree nodes"),
    (HEADER, "kind", 4, 0, "the section of trees is missing or empty"),
    (HEADER, "kind", 99, 0, "kind 99 is unknown"),
    (HEADER, "task", 0, 0, "task 0 is unknown"),
    (HEADER, "task", 1, 0, "a regressor has 1 score, not 2"),
    (HEADER, "nr_inputs", 0, 0, "0 inputs, 1 to 512 are allowed"),
    (HEADER, "nr_inputs", 3, 0, "the header says 3 inputs, 2 are described"),
    (HEADER, "nr_scores", 0, 0, "a classifier has 2 to 128 scores, not 0"),
    (HEADER, "nr_scores", 3, 0, "the section of golden vectors has 120 bytes, 3 elements need 144"),
    (HEADER, "fraction_bits", 63, 0, "63 fraction bits, at most 62"),
    (HEADER, "link", 1, 0, "a model of task classify cannot have link 1"),
    (HEADER, "reserved", 1, 0, "a reserved field of the header is not zero"),
    (HEADER, "fingerprint", 1, 0, "the fingerprint does not fit the input names"),
    (HEADER, "nr_sections", 17, 0, "17 sections, at most 16"),
    (HEADER, "nr_sections", 0, 0, "the bytes after the last section are not zero"),
    (SECTION, "type", 9, 2, "a model of kind tree has no section of channels"),
    (SECTION, "type", 11, 2, "a section is of unknown type 11"),
    (SECTION, "type", 1, 1, "there are two sections of inputs"),
    (SECTION, "offset", 124, 0, "the section of inputs does not start at a multiple of 8"),
    (SECTION, "offset", 8, 0, "the section of inputs overlaps what comes before"),
    (SECTION, "size", 99999, 4, "the section of provenance runs past the end"),
    (SECTION, "size", 40, 0, "the gap before the section of tree nodes is not zero"),
    (SECTION, "count", 1, 0, "the section of inputs has 144 bytes, 1 elements need 72"),
    (INPUT, "name", b"x1".ljust(32, b"\0"), 0, "there are two inputs of the name x1"),
    (INPUT, "name", b"a\0b".ljust(32, b"\0"), 0, "the name of input 0 is not ended and padded"),
    (INPUT, "name", b"n" * 32, 0, "the name of input 0 is not ended and padded"),
    (INPUT, "name", bytes(32), 1, "input 1 has no name"),
    (INPUT, "name", b"\xff".ljust(32, b"\0"), 1, "the name of input 1 is not UTF-8"),
    (INPUT, "norm", 7, 1, "input x1 has unknown normalizer 7"),
    (INPUT, "shift", 1, 1, "input x1 has no normalizer, but factors"),
    (INPUT, "min", 6, 1, "input x1 has a minimum above its maximum"),
    (TREE_NODE, "input", 2, 2, "node 2 compares input 2, there are 2"),
    (TREE_NODE, "child", 0, 0, "node 0 has its children at 0, the next free place is 1 of 5"),
    (TREE_NODE, "child", 4, 2, "node 2 has its children at 4, the next free place is 3 of 5"),
    (TREE_NODE, "input", 0, 4, "node 4 has its children at 2, the next free place is 5 of 5"),
    (TREE_NODE, "child", 3, 1, "node 1 names leaf 3, there are 3"),
    (TREE_NODE, "reserved", 1, 4, "a reserved field of node 4 is not zero"),
    (3, "word", 2, 0, "leaf 0 answers class 2, there are 2"),
    (3, "word", -1, 3, "leaf 1 answers class -1, there are 2"),
])
def test_refusals(data, where, field, value, index, sentence):
    broken = patch(data, where, field, value, index)
    with pytest.raises(ModelFileError, match=re.escape(sentence)):
        kernmlops.Reference(broken)


def test_orphan_nodes(data):
    leaf = patch(patch(data, TREE_NODE, "input", 0xFFFF, 2), TREE_NODE, "child", 0, 2)
    with pytest.raises(ModelFileError, match="node 3 is no other node's child"):
        kernmlops.Reference(leaf)


def test_no_golden_vectors(content):
    content.golden_inputs = content.golden_inputs[:0]
    content.golden_outputs = content.golden_outputs[:0]
    with pytest.raises(ModelFileError, match="the section of golden vectors is missing or empty"):
        model_file.build(content)


def test_regressor_answer_is_its_score(content):
    content.task = TASK_REGRESSION
    content.leaves = np.array([[5, 5], [6, 6], [7, 8]])
    content.golden_outputs = content.leaves
    with pytest.raises(ModelFileError, match="the answer of leaf 2 is not its score"):
        model_file.build(content)


@pytest.mark.parametrize("keep, name", [(1, "tree nodes"), (2, "tree leaves"),
                                        (3, "golden vectors")])
def test_missing_section(data, keep, name):
    table = np.frombuffer(data, SECTION, 5, HEADER.itemsize)
    end = int(table["offset"][keep])
    short = bytearray(data[:end])
    unused = HEADER.itemsize + keep * SECTION.itemsize
    short[unused:unused + (5 - keep) * SECTION.itemsize] = bytes((5 - keep) * SECTION.itemsize)
    np.frombuffer(short, HEADER, 1)["size"] = end
    with pytest.raises(ModelFileError, match=f"the section of {name} is missing"):
        kernmlops.Reference(patch(short, HEADER, "nr_sections", keep))


def test_file_name_is_in_the_message(tmp_path):
    path = tmp_path / "broken.kmml"
    path.write_bytes(b"KMML")
    with pytest.raises(ModelFileError, match=r"broken\.kmml: 4 bytes are too few"):
        kernmlops.Reference(path)
    with pytest.raises(FileNotFoundError):
        kernmlops.Reference(tmp_path / "absent.kmml")
