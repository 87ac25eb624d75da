# SPDX-License-Identifier: Apache-2.0
"""docs/write-a-driver.md agrees with the contract and with the driver that it shows."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "write-a-driver.md").read_text()
DRIVER = ROOT / "src" / "driver"
TOY = "".join(path.read_text() for path in sorted((ROOT / "tests" / "toy").glob("*.c")))


def struct_body(header, name):
    text = re.sub(r"/\*.*?\*/", "", (DRIVER / header).read_text(), flags=re.DOTALL)
    return re.search(rf"^(?:struct|enum) {name} \{{\n(.*?)^\}};", text, re.DOTALL | re.MULTILINE)[1]


def hooks(header, name):
    return re.findall(r"\(\*(\w+)\)\(", struct_body(header, name))


def enumerators(header, name):
    return re.findall(r"^\s*([A-Z]\w+)", struct_body(header, name), re.MULTILINE)


def is_named(word):
    return re.search(rf"\b{word}\b", PAGE) is not None


@pytest.mark.parametrize(
    "words",
    [
        hooks("driver.h", "driver"),
        hooks("admin.h", "driver_admin"),
        hooks("admin.h", "driver_broker"),
        hooks("core.h", "driver_core"),
        enumerators("driver.h", "driver_flag"),
        enumerators("core.h", "send_status"),
        [e for e in enumerators("core.h", "driver_event") if not e.endswith("_COUNT")],
        ["OPTION_REQUIRED", "OPTION_OMB", "OPTION_SECRET"],
    ],
    ids=lambda words: words[0],
)
def test_the_page_names_all_of_the_contract(words):
    assert len(words) > 1
    assert [word for word in words if not is_named(word)] == []


def test_the_code_on_the_page_is_that_of_the_toy():
    blocks = re.findall(r"^```c\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 5
    assert [block for block in blocks if block not in TOY] == []
    assert any(block.startswith("const struct driver driver_toy = {") for block in blocks)


def test_the_toy_has_every_answer_that_the_page_requires():
    contract = (DRIVER / "driver.h").read_text()
    asked = re.search(r"What the meaning section must answer(.*?)\*/", contract, re.DOTALL)
    keys = re.findall(r'"([a-z ]+)"', asked[1])
    assert "acknowledgement" in keys and "tls" in keys
    assert [key for key in keys if f'"meaning", "{key}"' not in TOY] == []


def test_files_that_the_page_points_at_are_there():
    paths = set(re.findall(r"`((?:src|tests|examples|tools|docs|bench)/[\w./-]*[\w/])`", PAGE))
    assert "tests/drivers/targets.py" in paths
    missing = [p for p in paths if not (ROOT / p).exists() and p != "bench/null_loop"]
    assert missing == []


@pytest.mark.parametrize("listed", sorted(DRIVER.glob("*/functions.txt")), ids=lambda p: p.parent.name)
def test_a_driver_calls_all_that_it_asks_its_library_for(listed):
    lines = listed.read_text().splitlines()
    functions = [line for line in lines if not line.startswith("#")]
    assert functions == sorted(set(functions)) and len(functions) > 1
    code = "".join(p.read_text() for p in listed.parent.glob("*.[ch]"))
    assert [f for f in functions if not re.search(rf"\b{f}\b", code)] == []


def test_every_folder_of_a_driver_has_its_line_in_the_table():
    build = (DRIVER / "meson.build").read_text()
    table = build[build.index("driver_table = [") : build.index("\n]\n")]
    rows = re.findall(r"^\s*\['(\w+)'(.*)\],", table, re.MULTILINE)
    folders = sorted(path.parent.name for path in DRIVER.glob("*/meson.build"))
    assert sorted(name for name, _ in rows) == folders
    features = re.findall(r"option\('(\w+)', type: 'feature'", (ROOT / "meson_options.txt").read_text())
    assert [name for name, library in rows if library and name not in features] == []
