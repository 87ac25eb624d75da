#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files as texts of the program: writes a header with a constant for each.

    tools/texts.py HEADER FILE...
"""

import pathlib
import sys


def main():
    header, files = pathlib.Path(sys.argv[1]), map(pathlib.Path, sys.argv[2:])
    out = ["/* Made by tools/texts.py. */"]
    for path in files:
        name = path.stem.replace("-", "_")
        lines = path.read_text().splitlines()
        quoted = [line.replace("\\", "\\\\").replace('"', '\\"') for line in lines]
        out.append(f"static const char text_{name}[] =")
        out += [f'\t"{line}\\n"' for line in quoted]
        out[-1] += ";"
    header.write_text("\n".join(out) + "\n")


main()
