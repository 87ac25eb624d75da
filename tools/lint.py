#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of the house that no compiler knows.

    tools/lint.py                everything
    tools/lint.py --fast         without clang-tidy
    tools/lint.py --format       formats the C files instead

Prints "file:line: rule: what is wrong" for each problem; the exit code is 1 if there is one.  The
formatter and clang-tidy are those of Debian 12: other versions judge differently and are not asked.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

# ---- The rules ------------------------------------------------------------------------------

# What each folder of src/ may include besides itself: whole folders, or single headers of one.
# None means anything.  Data flows down this table; nothing below includes what is above.  What nobody
# makes use of is no part of it.
LAYERS = {
    "cmd": None,
    "run": ["util", "config", "plan", "load", "stats", "facts", "worker", "results"],
    "results": ["util", "stats", "facts"],
    "worker": ["util", "http", "net", "config", "plan", "load", "stats", "facts", "account"],
    "agent": ["util", "load", "stats", "account", "facts/role", "driver"],
    "driver": [
        "util",
        "net",
        "fault",
        "config/option",
        "config/properties",
        "config/driver_file",
        "facts/environment",
        "facts/origin",
        "stats/claims",
    ],
    "plan": ["util", "config", "load"],
    "load": ["util"],
    "account": ["util", "stats/counter"],
    "facts": ["util", "stats", "account/counts"],
    "config": ["util"],
    "stats": ["util"],
    "broker": ["util", "net", "kafka", "fault"],
    "fault": ["util", "load/stamp"],
    "kafka": ["util", "net"],
    "proxy": ["util", "net"],
    "http": ["util", "net"],
    "net": ["util"],
    "util": [],
}

# What files whose paths begin so may include besides.  Of the worker only its local form has agents.
ALLOWED_BESIDES = {
    "src/driver/kafka/": ["broker/serve", "kafka"],
    "src/worker/local": ["agent"],
    "src/worker/java": ["http/client"],
    "src/worker/remote": ["http/client"],
}

# A library is known in one place: (header, what paths may include it).
LIBRARY_HOMES = [
    ("yaml.h", r"src/config/.*"),
    ("curl/", r"src/http/client\.c"),
    ("microhttpd.h", r"src/http/server\.c"),
    ("openssl/", r"src/net/tls\.c|tests/unit/certificate\.h"),
]

# The name of a driver with a client library (one that has a functions.txt) stays in its folder: what
# others need to know of it is an answer of the driver (driver/traits.h).  Besides:
MORE_ROOMS = {"kafka": ["src/kafka/", "src/broker/"]}  # the protocol, and a broker that speaks it
# Here people are told what to type and what they see: texts may name products, code may not.
TEXTS_FOR_PEOPLE = ("src/cmd/",)

# Name -> what to use instead.
BANNED_CALLS = {
    "strcpy": "arena_strdup, xstrdup or snprintf",
    "strcat": "text_add",
    "sprintf": "snprintf or text_addf",
    "vsprintf": "vsnprintf",
    "atoi": "strtol with its checks, or an option table",
    "atol": "strtol with its checks",
    "atof": "strtod with its checks",
    "strtok": "strchr or strcspn",
    "gets": "file_read",
    "localtime": "localtime_r",
    "gmtime": "gmtime_r",
    "rand": "a generator with a seed",
    "srand": "a generator with a seed",
    "usleep": "clock_nanosleep to an absolute time",
    "alloca": "an array of fixed size, or xmalloc",
}

# Only main prints an error and exits (src/ alone; programs of tests and benches are their own main).
ONLY_MAIN = [
    (re.compile(r"\bexit\s*\("), "exit("),
    (re.compile(r"\bv?fprintf\s*\(\s*stderr\b"), "fprintf(stderr"),
    (re.compile(r"\bfput[sc]\s*\([^;]*\bstderr\s*\)"), "fputs(..., stderr)"),
    (re.compile(r"\bperror\s*\("), "perror("),
    (re.compile(r"\bv?dprintf\s*\(\s*(2|STDERR_FILENO)\b"), "dprintf(2"),
]
MAIN = "src/cmd/main.c"

FILE_LINES_MAX = {".c": 800, ".h": 200}
FUNCTION_LINES_MAX = 70
CYCLOMATIC_MAX = 15
PROJECT_INCLUDES_MAX = 12
LLVM_MAJOR = 14

# Split so that this file does not contain them.
FORBIDDEN_WORDS = ["/wo" + "rk/", "/fa" + "rm/", "/ro" + "ot/", "/tmp/" + "b-"]

# Meant to stay short: (rule, path, what or "*") -> reason.
EXCEPTIONS = {
    ("only-main", "src/util/xalloc.c", "*"): "memory is exhausted: nobody can be told in another way",
    ("rooms", "src/config/driver_file.c", "kafka"): "what files say for clientDefaults: library",
    ("rooms", "src/fault/fault.c", "kafka"): "texts for people: which of our brokers has which fault",
}

# ---- Files ----------------------------------------------------------------------------------

HOUSE = pathlib.Path(__file__).resolve().parent.parent
SKIPPED_DIRS = {".git", "__pycache__", ".cache", ".pytest_cache", "node_modules"}
C_DIRS = ("src", "tests", "bench")
SPDX = "SPDX-License-Identifier: Apache-2.0"
SPDX_NAMES = re.compile(r".*\.(c|h|py|sh)|meson\.build|meson_options\.txt|Makefile|\.clang-.*")


class Source:
    """A file: its text, and for C the same text without comments and string contents."""

    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.suffix = path.suffix
        self.text = path.read_text(errors="replace")
        self.lines = self.text.splitlines()

    @property
    def is_c(self):
        return self.suffix in (".c", ".h") and self.path.startswith(tuple(d + "/" for d in C_DIRS))

    def folder(self):
        """plan for src/load/pacer.c, None outside src/<folder>/."""
        parts = self.path.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_only(text, keep=""):
    """Comments and literals blanked out, line numbers kept.  `keep`: first letters that stay."""

    def blank(match):
        token = match.group()
        if token[0] in keep:
            return token
        return re.sub(r"[^\n]", " ", token)

    return TOKEN.sub(blank, text)


def find_sources(root):
    sources = []
    for folder, dirs, names in os.walk(root):
        folder = pathlib.Path(folder)
        top = folder == root
        dirs[:] = sorted(
            d for d in dirs if d not in SKIPPED_DIRS and not (top and d.startswith("build"))
        )
        for name in sorted(names):
            path = folder / name
            if name == ".git" or path.is_symlink() or b"\0" in path.open("rb").read(8192):
                continue
            sources.append(Source(root, path))
    return sources


# ---- Checks: each takes what it needs and yields (path, line, rule, what, message) ----------


def check_layers(source):
    folder = source.folder()
    code = code_only(source.text, keep='"')
    for number, line in enumerate(code.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^">]*)[">]', line)
        if not match:
            continue
        quote, header = match.groups()
        for library, homes in LIBRARY_HOMES:
            if header.startswith(library) and not re.fullmatch(homes, source.path):
                yield source.path, number, "library", header, f"{header} belongs into {homes}"
        if quote == '"' and folder is not None:
            yield from check_include(source, number, folder, header)


def check_include(source, number, folder, header):
    target = header.split("/")[0]
    if folder not in LAYERS:
        yield source.path, number, "layers", folder, f"src/{folder} is not in the table of layers"
    elif "/" not in header or target not in LAYERS:
        message = f'"{header}" must be written as "folder/file.h"'
        yield source.path, number, "layers", header, message
    elif target != folder and LAYERS[folder] is not None:
        allowed = LAYERS[folder] + [
            name
            for below, names in ALLOWED_BESIDES.items()
            if source.path.startswith(below)
            for name in names
        ]
        if target not in allowed and header.removesuffix(".h") not in allowed:
            message = f"src/{folder} may not include {header}"
            yield source.path, number, "layers", header, message


def check_permissions(sources):
    """The tables of layers allow nothing that nobody makes use of."""
    used = {(s.path, header) for s in sources if s.is_c for header in headers_of(s)}
    rows = [(f"src/{folder}/", names or []) for folder, names in LAYERS.items()]
    for prefix, names in [*rows, *ALLOWED_BESIDES.items()]:
        if not any(s.path.startswith(prefix) for s in sources):
            continue
        within = {header for path, header in used if path.startswith(prefix)}
        for name in names:
            if not any(header == name or header.startswith(name + "/") for header in within):
                message = f"{prefix} may include {name}, and nothing there does"
                yield "tools/lint.py", 1, "layers", name, message


def headers_of(source):
    """What a source includes of the project: "util/error"."""
    code = code_only(source.text, keep='"')
    return re.findall(r'^\s*#\s*include\s*"([^"]*)\.h"', code, re.MULTILINE)


def client_libraries(root):
    """Name of the driver -> the header of its client library."""
    found = {}
    for path in sorted(root.glob("src/driver/*/functions.txt")):
        include = re.search(r"^#include <(.+)>", path.read_text(), re.MULTILINE)
        found[path.parent.name] = include.group(1)
    return found


def check_rooms(source, libraries):
    if source.folder() is None:
        return
    keep = "" if source.path.startswith(TEXTS_FOR_PEOPLE) else '"'
    code = code_only(source.text, keep=keep)
    for name, header in libraries.items():
        rooms = [f"src/driver/{name}/", *MORE_ROOMS.get(name, [])]
        is_room = source.path.startswith(tuple(rooms))
        word = re.compile(rf"(?<![a-z]{{2}}){name}|rd{name}|lib{name}", re.IGNORECASE)
        for number, line in enumerate(code.splitlines(), 1):
            if f"<{header}>" in line:
                message = f'include "driver/{name}_library.h" in place of {header}'
                yield source.path, number, "library", header, message
            elif not is_room and word.search(line):
                message = f"{name} stays in {' '.join(rooms)}: let the driver answer (traits.h)"
                yield source.path, number, "rooms", name, message


def check_banned(source):
    code = code_only(source.text)
    call = re.compile(r"\b(" + "|".join(BANNED_CALLS) + r")\s*\(")
    for number, line in enumerate(code.splitlines(), 1):
        for match in call.finditer(line):
            name = match.group(1)
            yield source.path, number, "banned", name, f"{name}: use {BANNED_CALLS[name]}"
        if source.path.startswith("src/") and source.path != MAIN:
            for pattern, what in ONLY_MAIN:
                if pattern.search(line):
                    message = f"{what}: errors travel up as values, only {MAIN} prints and exits"
                    yield source.path, number, "only-main", what, message


def check_comments(source):
    for match in TOKEN.finditer(source.text):
        token = match.group()
        number = source.text.count("\n", 0, match.start()) + 1
        if token.startswith("//"):
            yield source.path, number, "comments", "//", "comments are written /* */"
        if token.startswith("/*") and re.search(r"\b(TODO|FIXME|XXX)\b(?!.*#\d)", token):
            yield source.path, number, "comments", "TODO", "TODO without the number of an issue"


def check_size(source):
    limit = FILE_LINES_MAX[source.suffix]
    if len(source.lines) > limit:
        message = f"{len(source.lines)} lines, at most {limit}"
        yield source.path, 1, "file-size", "*", message
    includes = re.findall(r'^\s*#\s*include\s*"', source.text, re.MULTILINE)
    if len(includes) > PROJECT_INCLUDES_MAX:
        message = f"{len(includes)} headers of the project, at most {PROJECT_INCLUDES_MAX}"
        yield source.path, 1, "includes", "*", message


def check_spdx(source):
    """In the first line, or in the second behind #!."""
    is_script = source.text.startswith("#!")
    if not (is_script or SPDX_NAMES.fullmatch(source.path.rsplit("/", 1)[-1])):
        return
    head = source.lines[1:2] if is_script else source.lines[0:1]
    if not head or SPDX not in head[0]:
        yield source.path, 1, "spdx", "*", f'the first line must say "{SPDX}"'


def check_words(source):
    for number, line in enumerate(source.lines, 1):
        for word in FORBIDDEN_WORDS:
            if word in line:
                yield source.path, number, "words", word, f'"{word}" is a path of one machine'


def check_registered(root):
    """Every unit test is in the table that runs it."""
    table = root / "tests/unit/meson.build"
    if not table.exists():
        return
    text = table.read_text()
    for path in sorted((root / "tests/unit").glob("test_*.c")):
        name = path.stem.removeprefix("test_")
        if f"'{name}'" not in text and f"'{path.stem}'" not in text and path.name not in text:
            message = f"no line for '{name}' in {table.relative_to(root)}: it never runs"
            yield path.relative_to(root).as_posix(), 1, "unregistered", "*", message


def check_functions(root, sources):
    """Sizes and cyclomatic numbers.  A switch counts once: a flat table of cases is not complex."""
    files = [s.path for s in sources if s.is_c and s.suffix == ".c"]
    if not files:
        return
    done = run(["pmccabe", *files], cwd=root)
    for line in done.stdout.splitlines():
        # modified, traditional, statements, first line, lines, file(line): function
        match = re.match(r"(\d+)\s+\d+\s+\d+\s+\d+\s+(\d+)\s+(.+)\((\d+)\): (\S+)", line)
        if not match:
            continue
        cyclomatic, lines, path, number, name = match.groups()
        if int(cyclomatic) > CYCLOMATIC_MAX:
            message = f"{name}: cyclomatic {cyclomatic}, at most {CYCLOMATIC_MAX}"
            yield path, int(number), "cyclomatic", name, message
        if int(lines) > FUNCTION_LINES_MAX:
            message = f"{name}: {lines} lines, at most {FUNCTION_LINES_MAX}"
            yield path, int(number), "function-size", name, message


def check_format(root, sources):
    files = [s.path for s in sources if s.is_c]
    if not files or not usable("clang-format"):
        return
    done = run(["clang-format", "--dry-run", "-Werror", *files], cwd=root)
    first = {}
    for path, number in re.findall(r"^(.+?):(\d+):\d+: error: ", done.stderr, re.MULTILINE):
        first.setdefault(path, int(number))
    for path, number in first.items():
        yield path, number, "format", "*", "differs from .clang-format from here on; make format"


def check_tidy(root, build, jobs):
    database = build / "compile_commands.json"
    if not usable("clang-tidy"):
        return
    if not database.exists():
        yield str(database), 1, "tidy", "*", "is not there; build first, or use --fast"
        return
    files = set()
    for entry in json.loads(database.read_text()):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_relative_to(root) and not path.is_relative_to(build):
            files.add(path)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for found in pool.map(lambda path: tidy_file(root, build, path), sorted(files)):
            yield from found


def tidy_file(root, build, path):
    argv = ["clang-tidy", "--quiet", "-p", str(build), f"--header-filter={root}/(src|tests)/.*"]
    # The database was written for gcc.
    argv += ["--extra-arg=-Wno-unknown-warning-option", str(path)]
    done = run(argv, cwd=root)
    problems = []
    for line in done.stdout.splitlines():
        match = re.match(r"(.+?):(\d+):\d+: (?:error|warning): (.*)", line)
        if match:
            name, number, message = match.groups()
            name = os.path.relpath(os.path.join(build, name), root)
            problems.append((name, int(number), "tidy", "*", message))
    if done.returncode != 0 and not problems:
        problems.append((str(path), 1, "tidy", "*", (done.stdout + done.stderr).strip()))
    return problems


def source_of(root, folder, name):
    """src/driver/kafka/names.c for src/driver and kafka_names.c, as Meson names objects."""
    parts = name.split("_")
    for folders in range(len(parts)):
        path = "/".join([folder, *parts[:folders], "_".join(parts[folders:])])
        if (root / path).exists():
            return path
    return f"{folder}/{name}"


def symbols_of(root, build):
    """Source -> (symbols that it defines, symbols that it needs), from the objects of a build."""
    objects = sorted((build / "src").rglob("*.o"))
    table = {}
    if not objects:
        return table
    done = run(["nm", "-A", "-g", *map(str, objects)], cwd=build)
    for line in done.stdout.splitlines():
        # build/src/util/libutil.a.p/text.c.o:0000000000000000 T text_add
        match = re.match(r"(.+)/[^/]+\.p/([^/:]+)\.o:.*? ([A-Za-z]) (\S+)$", line)
        if match:
            folder, name, kind, symbol = match.groups()
            path = source_of(root, pathlib.Path(folder).relative_to(build).as_posix(), name)
            defined, needed = table.setdefault(path, (set(), set()))
            (needed if kind == "U" else defined).add(symbol)
    return table


def graph_of(table):
    """Source -> the sources whose symbols it needs."""
    homes = {symbol: path for path, (defined, _) in table.items() for symbol in defined}
    return {
        path: {homes[symbol] for symbol in needed if symbol in homes} - {path}
        for path, (_, needed) in table.items()
    }


def knots_of(graph):
    """The sets of nodes that reach each other (Tarjan), those of one node left out."""
    order, low, stack, on_stack, knots = {}, {}, [], set(), []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        on_stack.add(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            knot = set()
            while node not in knot:
                knot.add(stack.pop())
            on_stack.difference_update(knot)
            if len(knot) > 1:
                knots.append(knot)

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return knots


def includes_of(sources):
    """Module (path without .c or .h) -> the modules that it includes."""
    graph = {s.path[:-2]: set() for s in sources if s.is_c and s.path.startswith("src/")}
    for source in sources:
        if source.path[:-2] in graph and source.is_c:
            graph[source.path[:-2]].update("src/" + header for header in headers_of(source))
    return {module: (others & graph.keys()) - {module} for module, others in graph.items()}


def check_knots(root, sources, build):
    """Circles as the linker sees them (what one file defines and another needs), and of includes: in
    neither can a file be read, tested or replaced alone."""
    for knot in knots_of(includes_of(sources)):
        yield knot_problem("include", knot)
    if any((build / "src").rglob("*.o")):
        for knot in knots_of(graph_of(symbols_of(root, build))):
            yield knot_problem("need", knot)


def knot_problem(kind, knot):
    message = f"{kind} each other in a circle: " + " ".join(sorted(knot))
    return first_file(knot), 1, "knots", "*", message


def first_file(knot):
    first = min(knot)
    return first if first.endswith(".c") else first + ".h"


# ---- Tools ----------------------------------------------------------------------------------


def run(argv, cwd):
    if shutil.which(argv[0]) is None:
        sys.exit(f"lint: {argv[0]} is not installed; tools/setup lint installs it")
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)


def usable(tool):
    version = re.search(r"version (\d+)", run([tool, "--version"], cwd=None).stdout)
    if version and int(version.group(1)) == LLVM_MAJOR:
        return True
    print(f"lint: note: {tool} is not version {LLVM_MAJOR}, left out", file=sys.stderr)
    return False


def apply_exceptions(problems, exceptions):
    """The problems that remain, and one for each exception that nothing needs any more."""
    used = set()
    for path, number, rule, what, message in problems:
        keys = {(rule, path, what), (rule, path, "*")} & exceptions.keys()
        if keys:
            used |= keys
        else:
            yield path, number, rule, message
    for rule, path, what in sorted(exceptions.keys() - used):
        yield "tools/lint.py", 1, "exceptions", f"({rule}, {path}, {what}) is not needed any more"


def collect(root, build, fast, jobs):
    sources = find_sources(root)
    libraries = client_libraries(root)
    for source in sources:
        yield from check_spdx(source)
        yield from check_words(source)
        if source.is_c:
            yield from check_layers(source)
            yield from check_rooms(source, libraries)
            yield from check_banned(source)
            yield from check_comments(source)
            yield from check_size(source)
    if root == HOUSE:
        yield from check_permissions(sources)
    yield from check_registered(root)
    yield from check_functions(root, sources)
    yield from check_format(root, sources)
    yield from check_knots(root, sources, build)
    if not fast:
        yield from check_tidy(root, build, jobs)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=pathlib.Path, default=HOUSE)
    parser.add_argument("--build", type=pathlib.Path, help="default: build")
    parser.add_argument("--fast", action="store_true", help="without clang-tidy")
    parser.add_argument("--format", action="store_true", help="format the C files")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    root = args.root.resolve()
    build = (args.build or root / "build").resolve()

    if args.format:
        files = [s.path for s in find_sources(root) if s.is_c]
        if usable("clang-format") and files:
            run(["clang-format", "-i", *files], cwd=root)
        return 0

    exceptions = EXCEPTIONS if root == HOUSE else {}
    seen = set()
    for path, number, rule, message in apply_exceptions(
        collect(root, build, args.fast, args.jobs), exceptions
    ):
        # A header's problem is found once for every file that includes it.
        if (path, number, rule, message) not in seen:
            seen.add((path, number, rule, message))
            print(f"{path}:{number}: {rule}: {message}", flush=True)
    print(f"lint: {len(seen)} problems")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
