# SPDX-License-Identifier: Apache-2.0
"""tools/lint.py finds what it is there for: each test plants one violation in a clean little tree."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

for tool in ("pmccabe", "clang-format"):
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}; tools/setup test installs it", allow_module_level=True)

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINT = ROOT / "tools" / "lint.py"
HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n"

CLEAN = {
    ".clang-format": (ROOT / ".clang-format").read_text(),
    "src/util/error.h": HEAD + "struct error;\n",
    "src/stats/hist.h": HEAD + '#include "util/error.h"\n',
    "src/load/pacer.c": HEAD
    + "#include <stdio.h>\n\n"
    + '#include "util/error.h"\n\n'
    + "int twice(int n)\n{\n\treturn n + n;\n}\n",
    "src/cmd/main.c": HEAD + "int main(void)\n{\n\texit(0);\n}\n",
}


def lint(root):
    """What lint says about a tree: the set of (path, rule)."""
    done = subprocess.run(
        [sys.executable, LINT, "--root", root, "--fast"],
        capture_output=True,
        text=True,
        check=False,
    )
    problems = set(re.findall(r"^(\S+?):\d+: ([\w-]+): ", done.stdout, re.MULTILINE))
    assert done.returncode == (1 if problems else 0), done.stdout + done.stderr
    return problems


@pytest.fixture
def tree(tmp_path):
    def plant(files):
        for path, text in (CLEAN | files).items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return tmp_path

    return plant


def body(*lines):
    return HEAD + "int f(int n)\n{\n" + "".join(f"\t{line}\n" for line in lines) + "}\n"


def test_a_clean_tree_has_no_problems(tree):
    assert lint(tree({})) == set()


@pytest.mark.parametrize(
    "path, include",
    [
        ("src/util/a.c", '#include "load/pacer.h"'),
        ("src/stats/a.c", '#include "config/option.h"'),
        ("src/plan/a.c", '#include "driver/driver.h"'),
        ("src/run/a.c", '#include "driver/driver.h"'),
        ("src/worker/a.c", '#include "driver/driver.h"'),
        ("src/worker/message.c", '#include "agent/supervisor.h"'),
        ("src/driver/a.c", '#include "config/workload.h"'),
        ("src/driver/kafka/a.c", '#include "agent/agent.h"'),
        ("src/agent/a.c", '#include "config/workload.h"'),
        ("src/plan/a.c", '#include "pacer.h"'),
        ("src/plan/a.c", '#include "../util/error.h"'),
        ("src/plan/a.c", '  #  include "driver/driver.h"'),
        ("src/newfolder/a.c", '#include "util/error.h"'),
    ],
)
def test_a_folder_includes_only_what_the_table_allows(tree, path, include):
    assert (path, "layers") in lint(tree({path: HEAD + include + "\n"}))


@pytest.mark.parametrize(
    "path, include",
    [
        ("src/cmd/run.c", "driver/driver.h"),
        ("src/driver/a.c", "config/option.h"),
        ("src/driver/kafka/a.c", "driver/driver.h"),
        ("src/driver/kafka/a.c", "driver/kafka/names.h"),
        ("src/run/a.c", "worker/worker.h"),
        ("src/worker/local_agents.c", "agent/supervisor.h"),
        ("src/plan/a.c", "load/pacer.h"),
        ("tests/unit/test_pacer.c", "driver/driver.h"),
    ],
)
def test_what_the_table_allows_is_allowed(tree, path, include):
    assert lint(tree({path: HEAD + f'#include "{include}"\n'})) == set()


def test_what_the_table_allows_and_nobody_includes_is_found(tree):
    """Of the house itself: the trees of these tests are parts of one."""
    files = {
        "tools/lint.py": LINT.read_text(),
        "src/proxy/a.c": including("util/error.h"),
        "src/driver/kafka/a.c": including("kafka/schema.h"),
    }
    program = tree(files) / "tools/lint.py"
    done = subprocess.run(
        [sys.executable, program, "--fast"], capture_output=True, text=True, check=False
    )
    unused = set(re.findall(r"layers: (\S+) may include (\S+), and nothing", done.stdout))
    assert ("src/proxy/", "net") in unused
    assert ("src/driver/kafka/", "broker/serve") in unused
    assert ("src/driver/kafka/", "kafka") not in unused
    assert not any(name == "util" for folder, name in unused if folder == "src/proxy/")
    assert not any(folder == "src/broker/" for folder, _ in unused)  # it is not there


def test_an_include_in_a_comment_is_not_one(tree):
    text = HEAD + '/*\n#include "driver/driver.h"\n*/\n'
    assert lint(tree({"src/util/a.c": text})) == set()


FUNCTIONS = {"src/driver/kafka/functions.txt": "#include <librdkafka/rdkafka.h>\nrd_kafka_new\n"}


def test_the_header_of_a_client_library_is_included_through_the_one_that_is_made(tree):
    text = HEAD + "#include <librdkafka/rdkafka.h>\n"
    files = {"src/agent/a.c": text, "src/driver/kafka/a.c": text, "tests/unit/test_x.c": text}
    ours = HEAD + '#include "driver/kafka_library.h"\n'
    problems = lint(tree(files | {"src/driver/kafka/b.c": ours} | FUNCTIONS))
    assert problems == {("src/agent/a.c", "library"), ("src/driver/kafka/a.c", "library")}


def test_the_name_of_a_driver_stays_in_its_rooms(tree):
    text = 'static const char text[] = "of Kafka";'
    told = {
        "src/agent/a.c": "extern int kafka_acks;",
        "src/agent/b.c": "enum { DEFAULTS_LIBRDKAFKA };",
        "src/agent/c.c": text,
        "src/cmd/a.c": "extern int kafka_acks;",
        "src/driver/registry.c": "extern int driver_kafka;",
    }
    fine = {
        "src/agent/d.c": "extern int acks; /* as Kafka */",
        "src/agent/e.c": "extern int sulkafkas;",
        "src/broker/a.c": '#include "kafka/schema.h"',
        "src/cmd/b.c": text,
        "src/driver/kafka/a.c": "extern int kafka_acks;",
        "tests/unit/test_a.c": "extern int kafka_acks;",
    }
    files = {path: HEAD + line + "\n" for path, line in (told | fine).items()}
    problems = lint(tree(files | FUNCTIONS))
    assert problems - {("tests/unit/test_a.c", "unregistered")} == {(path, "rooms") for path in told}


@pytest.mark.parametrize(
    "call",
    [
        "strcpy(a, b);",
        "strcat(a, b);",
        "sprintf(a, b);",
        "return atoi(a);",
        "strtok (a, b);",
        "gets(a);",
        "localtime(&t);",
        "rand();",
        "usleep(1);",
        "char *p = alloca(n);",
    ],
)
@pytest.mark.parametrize("folder", ["src/plan", "tests/unit", "bench"])
def test_banned_calls_are_found(tree, folder, call):
    assert (f"{folder}/a.c", "banned") in lint(tree({f"{folder}/a.c": body(call)}))


def test_names_that_only_contain_a_banned_one_are_fine(tree):
    text = body("localtime_r(&t, &tm);", "my_rand(n);", 'say("strcpy(a)");', "/* gets() */")
    assert lint(tree({"src/plan/a.c": text})) == set()


@pytest.mark.parametrize(
    "call",
    [
        "exit(1);",
        'fprintf(stderr, "x");',
        'fputs("x", stderr);',
        'perror("x");',
        'dprintf(2, "x");',
    ],
)
def test_only_main_prints_errors_and_exits(tree, call):
    files = {"src/run/a.c": body(call), "src/cmd/main.c": body(call), "bench/a.c": body(call)}
    assert lint(tree(files)) == {("src/run/a.c", "only-main")}


def test_leaving_a_forked_child_is_fine(tree):
    assert lint(tree({"src/agent/a.c": body("_exit(1);")})) == set()


def test_files_have_a_limit(tree):
    files = {
        "src/plan/long.c": HEAD + "int a;\n" * 800,
        "src/plan/long.h": HEAD + "int a;\n" * 200,
        "src/plan/full.c": HEAD + "int a;\n" * 799,
        "src/plan/full.h": HEAD + "int a;\n" * 199,
    }
    assert lint(tree(files)) == {
        ("src/plan/long.c", "file-size"),
        ("src/plan/long.h", "file-size"),
    }


def test_functions_have_a_limit(tree):
    files = {
        "src/plan/long.c": body(*["n++;"] * 68),
        "src/plan/full.c": body(*["n++;"] * 67),
    }
    assert lint(tree(files)) == {("src/plan/long.c", "function-size")}


def test_branches_have_a_limit(tree):
    files = {
        "src/plan/wild.c": body(*["if (n)", "\tn++;"] * 15),
        "src/plan/full.c": body(*["if (n)", "\tn++;"] * 14),
    }
    assert lint(tree(files)) == {("src/plan/wild.c", "cyclomatic")}


def test_a_flat_switch_counts_as_one_branch(tree):
    cases = [line for i in range(25) for line in (f"case {i}:", "\treturn n;")]
    assert lint(tree({"src/plan/a.c": body("switch (n) {", *cases, "}")})) == set()


def test_includes_have_a_limit(tree):
    lines = [f'#include "util/a{i:02}.h"\n' for i in range(13)]
    files = {
        "src/plan/many.c": HEAD + "".join(lines),
        "src/plan/full.c": HEAD + "".join(lines[:12]),
    }
    assert lint(tree(files)) == {("src/plan/many.c", "includes")}


def test_every_source_names_its_licence_in_the_first_line(tree):
    spdx = "# SPDX-License-Identifier: Apache-2.0\n"
    files = {
        "src/plan/a.c": "int a;\n",
        "src/plan/b.h": "\n" + HEAD,
        "src/plan/meson.build": "x = 1\n",
        "tools/a.py": "#!/usr/bin/env python3\nimport os\n",
        "tools/b": "#!/bin/sh\n" + spdx,
        "tools/c": "#!/bin/sh\n",
        "tools/d.py": spdx,
        "docs/a.md": "no licence needed\n",
    }
    assert lint(tree(files)) == {
        ("src/plan/a.c", "spdx"),
        ("src/plan/b.h", "spdx"),
        ("src/plan/meson.build", "spdx"),
        ("tools/a.py", "spdx"),
        ("tools/c", "spdx"),
    }


@pytest.mark.parametrize("word", ["/wo" + "rk/main", "/fa" + "rm/x", "/ro" + "ot/x"])
def test_paths_of_one_machine_are_found_in_any_text(tree, word):
    files = {"docs/a.md": f"see {word}\n", "src/plan/a.c": HEAD + f"/* {word} */\n"}
    assert lint(tree(files)) == {("docs/a.md", "words"), ("src/plan/a.c", "words")}


def test_comments_are_blocks(tree):
    files = {
        "src/plan/a.c": HEAD + "int a; // a\n",
        "src/plan/b.c": HEAD + 'const char *url = "http://x"; /* http://y\n * http://z */\n',
    }
    assert lint(tree(files)) == {("src/plan/a.c", "comments")}


def test_a_todo_names_its_issue(tree):
    files = {
        "src/plan/a.c": HEAD + "/* TODO: later */\n",
        "src/plan/b.c": HEAD + "/* TODO: later, #12 */\n",
    }
    assert lint(tree(files)) == {("src/plan/a.c", "comments")}


def test_a_unit_test_that_never_runs_is_found(tree):
    table = "# SPDX-License-Identifier: Apache-2.0\nunit_tests = {\n  'pacer': ['plan'],\n}\n"
    files = {
        "tests/unit/meson.build": table,
        "tests/unit/test_pacer.c": HEAD,
        "tests/unit/test_lost.c": HEAD,
    }
    assert lint(tree(files)) == {("tests/unit/test_lost.c", "unregistered")}


def is_of_debian_12(tool):
    done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
    return "version 14." in done.stdout


def test_the_format_is_checked_and_mended_by_one_version_alone(tree):
    root = tree({"src/plan/a.c": HEAD + "int f( void ) { return 1 ; }\n"})
    if not is_of_debian_12("clang-format"):
        done = subprocess.run(
            [sys.executable, LINT, "--root", root, "--fast"], capture_output=True, text=True, check=True
        )
        assert "clang-format is not version 14, left out" in done.stderr
        return
    assert lint(root) == {("src/plan/a.c", "format")}
    subprocess.run([sys.executable, LINT, "--root", root, "--format"], check=True)
    assert lint(root) == set()


def test_builds_are_not_looked_at(tree):
    assert lint(tree({"build-x/a.c": "gets(a);\n", "src/__pycache__/a.c": "int a;\n"})) == set()


def test_clang_tidy_of_one_version_alone_finds_deep_nesting(tree, tmp_path):
    if shutil.which("clang-tidy") is None:
        pytest.skip("needs clang-tidy; tools/setup test installs it")
    deep = ["for (;;) {"] * 5 + ["n++;"] + ["}"] * 5
    root = tree({"src/plan/a.c": body(*deep, "return n;")})
    shutil.copy(ROOT / ".clang-tidy", root)
    build = tmp_path / "build"
    build.mkdir()
    entry = '[{"directory": "%s", "file": "../src/plan/a.c", "command": "cc -c ../src/plan/a.c"}]'
    (build / "compile_commands.json").write_text(entry % build)
    done = subprocess.run(
        [sys.executable, LINT, "--root", root], capture_output=True, text=True, check=False
    )
    if not is_of_debian_12("clang-tidy"):
        assert "clang-tidy is not version 14, left out" in done.stderr
        assert "tidy" not in done.stdout
        return
    assert "src/plan/a.c:2: tidy: " in done.stdout
    assert done.returncode == 1


def plant_objects(tree, needs):
    """A tree whose sources, compiled as Meson does it, call each other as `needs` says."""
    files = {}
    for path, called in needs.items():
        name = pathlib.Path(path).stem
        calls = "".join(f"int {other}(void);\n" for other in called)
        total = " + ".join(["1", *(f"{other}()" for other in called)])
        files[path] = f"{HEAD}{calls}int {name}(void)\n{{\n\treturn {total};\n}}\n"
    root = tree(files)
    for path in needs:
        _, folder, *rest = path.split("/")
        target = root / "build/src" / folder / f"lib{folder}.a.p" / ("_".join(rest) + ".o")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-c", root / path, "-o", target], check=True)
    return root


def test_files_that_need_each_other_in_a_circle_are_a_knot(tree):
    needs = {"src/plan/one.c": ["two"], "src/plan/two.c": ["three"], "src/plan/three.c": ["one"]}
    assert lint(plant_objects(tree, needs)) == {("src/plan/one.c", "knots")}


def test_files_in_folders_of_a_folder_are_found_by_their_objects_names(tree):
    needs = {"src/driver/kafka/in_out.c": ["two"], "src/driver/two.c": ["in_out"]}
    assert lint(plant_objects(tree, needs)) == {("src/driver/kafka/in_out.c", "knots")}


def test_a_chain_of_files_is_no_knot(tree):
    needs = {"src/plan/one.c": ["two", "three"], "src/plan/two.c": ["three"], "src/plan/three.c": []}
    assert lint(plant_objects(tree, needs)) == set()


def including(*headers):
    return HEAD + "".join(f'#include "{header}"\n' for header in headers)


def test_modules_that_include_each_other_in_a_circle_are_a_knot(tree):
    files = {
        "src/plan/one.h": including("plan/two.h"),
        "src/plan/two.h": HEAD,
        "src/plan/two.c": including("plan/two.h", "plan/three.h"),
        "src/plan/three.h": including("plan/one.h"),
    }
    assert lint(tree(files)) == {("src/plan/one.h", "knots")}


def test_a_chain_of_includes_is_no_knot(tree):
    files = {
        "src/plan/one.h": including("plan/rows.h"),
        "src/plan/one.c": including("plan/one.h", "plan/two.h"),
        "src/plan/two.h": including("plan/rows.h"),
        "src/plan/rows.h": HEAD + '/*\n#include "plan/one.h"\n*/\n',
    }
    assert lint(tree(files)) == set()
