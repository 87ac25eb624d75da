# SPDX-License-Identifier: Apache-2.0
"""The table of rules in verdict.h is that of verdict.c, and the documentation names none besides."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src/results").glob("verdict*.c"))
HEADER = (ROOT / "src/results/verdict.h").read_text()
DOCS = sorted(p for p in (ROOT / "docs").glob("*.md")) + [ROOT / "README.md"]


def rules_of_the_code():
    """The first text of each reason that is added is its name."""
    code = "".join(path.read_text() for path in SOURCES)
    return set(re.findall(r'\badd\(out,[^"]*"(\w+)",', code))


def rules_of_the_table():
    """A name stands five columns from the star; the last lines list those that are notes alone."""
    table = HEADER[HEADER.index(" *     name ") : HEADER.index(" * The rules of rate")]
    notes = re.search(r"^ \*     (\w+,[\w,\s*]+): notes, which weigh nothing", table, re.MULTILINE)
    rows = table[: notes.start()]
    names = re.findall(r"^ \*     (\w+)  ", rows, re.MULTILINE)
    assert names[0] == "name"
    return names[1:] + re.findall(r"\w+", notes[1])


def test_the_table_of_rules_is_that_of_the_code():
    table, code = rules_of_the_table(), rules_of_the_code()
    assert len(code) > 30
    assert sorted(table) == sorted(set(table)), "a rule stands there twice"
    assert set(table) == code


def test_the_documentation_names_rules_that_there_are():
    named = {
        (path.name, rule)
        for path in DOCS
        for rule in re.findall(r"(?:SUSPECT|INVALID|is named) \(`(\w+)`\)", path.read_text())
    }
    assert ("measurement.md", "sentinel") in named
    assert {rule for _, rule in named} - rules_of_the_code() == set()
