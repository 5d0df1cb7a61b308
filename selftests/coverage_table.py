# SPDX-License-Identifier: GPL-2.0-only
"""A table of the lines of the module that ran, one column for each directory given.

usage: coverage_table.py DIR...

Below a directory are .gcno and .gcda files, as gcc and the kernel write them; a
line ran if it did according to any of them. The last column is for all
directories together, with the lines that never ran.
"""
import json
import pathlib
import re
import subprocess
import sys

SOURCE = re.compile(r"/(kmod/[^/]+\.[ch])$")


def counted(directory):
    """{source: {line: whether it ran}} of all counters below a directory."""
    sources = {}
    for data in sorted(pathlib.Path(directory).rglob("*.gcda")):
        out = subprocess.run(["gcov", "--json-format", "--stdout", data.name],
                             cwd=data.parent, check=True, capture_output=True).stdout
        for file in json.loads(out)["files"]:
            source = SOURCE.search(file["file"])
            if not source:
                continue
            lines = sources.setdefault(source[1], {})
            for line in file["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, False) or line["count"] > 0
    return sources


def ranges(lines):
    """[1, 2, 3, 7] as "1-3,7"."""
    parts = []
    for line in lines:
        if parts and parts[-1][1] == line - 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in parts)


def share(lines, ran):
    """Of so many lines so many, in percent, rounded down: 100% is all of them."""
    return f"{100 * ran // lines}%" if lines else "-"


def main(directories):
    """Print the table."""
    columns = [counted(directory) for directory in directories]
    names = [pathlib.Path(directory).name for directory in directories]
    print(f"{'file':<24}{'lines':>6}" + "".join(f"{name:>8}" for name in names + ["all"]))
    totals = [0] * (len(columns) + 2)
    for source in sorted(set().union(*columns)):
        lines = sorted(set().union(*(column.get(source, {}) for column in columns)))
        ran = [{line for line, did in column.get(source, {}).items() if did}
               for column in columns]
        ran.append(set().union(*ran))
        numbers = [len(lines)] + [len(each) for each in ran]
        totals = [a + b for a, b in zip(totals, numbers)]
        print(f"{source:<24}{len(lines):>6}"
              + "".join(f"{share(len(lines), n):>8}" for n in numbers[1:])
              + "  " + ranges([line for line in lines if line not in ran[-1]]))
    print(f"{'all':<24}{totals[0]:>6}"
          + "".join(f"{share(totals[0], n):>8}" for n in totals[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
