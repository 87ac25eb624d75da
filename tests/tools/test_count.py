# SPDX-License-Identifier: Apache-2.0
"""tools/test counts right: a count that hides a failure is worse than none."""

import importlib.machinery
import importlib.util
import pathlib

import pytest

PATH = pathlib.Path(__file__).resolve().parents[2] / "tools" / "test"


@pytest.fixture(scope="module")
def tool():
    loader = importlib.machinery.SourceFileLoader("tools_test", str(PATH))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tools_test", loader))
    loader.exec_module(module)
    return module


RUN_A = "[ RUN      ] a\n"
OK_A = RUN_A + "[       OK ] a\n"
FAILED_B = "[ RUN      ] b\nx != y\n[  FAILED  ] b\n"
SKIPPED_C = "[ RUN      ] c\n[  SKIPPED ] c\n"
SUMMARY = "[  PASSED  ] 1 test(s).\n[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] b\n"


@pytest.mark.parametrize(
    "result, output, want",
    [
        ("OK", OK_A, "1 passed, 0 failed, 0 skipped"),
        ("FAIL", OK_A + FAILED_B + SKIPPED_C + SUMMARY, "1 passed, 1 failed, 1 skipped"),
        # A crash inside a case, the time limit.
        ("FAIL", OK_A + "[ RUN      ] b\n", "1 passed, 1 failed, 0 skipped"),
        ("TIMEOUT", OK_A, "1 passed, 1 failed, 0 skipped"),
        # A sanitizer that complains at the end, when all cases had passed.
        ("FAIL", OK_A + "ERROR: LeakSanitizer", "1 passed, 1 failed, 0 skipped"),
        # Programs that are no cmocka tests.
        ("OK", "replayed 7 inputs\n", "1 passed, 0 failed, 0 skipped"),
        ("FAIL", "", "0 passed, 1 failed, 0 skipped"),
        ("SKIP", "", "0 passed, 0 failed, 1 skipped"),
        ("SKIP", SKIPPED_C, "0 passed, 0 failed, 1 skipped"),
    ],
)
def test_a_program_counts_by_its_cases(tool, result, output, want):
    assert str(tool.count_program(result, output)) == want


def junit(path, *cases):
    cases = (f"<testcase file='tests/t.py' {case}" for case in cases)
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")


def test_end_to_end_tests_count_once_each(tool, tmp_path):
    report = tmp_path / "junit.xml"
    junit(
        report,
        "name='passes'/>",
        "name='fails, and again while tidying up'><failure/><error/></testcase>",
        "name='passes, but not its fixture'/>",
        "name='passes, but not its fixture'><error/></testcase>",
        "name='breaks'><error/></testcase>",
        "name='skips'><skipped/></testcase>",
    )
    ends = tool.read_junit(report)
    assert ends["tests/t.py::breaks"] == "failed"
    assert str(tool.count_ends(ends)) == "1 passed, 3 failed, 1 skipped"


# ---- a second try -------------------------------------------------------------------------------


def pytest_runs(tool, monkeypatch, *runs):
    """What pytest is asked for, when its runs end as given."""
    asked = []

    def run_pytest(build, arguments):
        asked.append(arguments)
        return runs[len(asked) - 1]

    monkeypatch.setattr(tool, "run_pytest", run_pytest)
    return asked


def ends(*failed):
    names = [f"tests/t.py::test_{i}" for i in range(9)]
    return {name: "failed" if i in failed else "passed" for i, name in enumerate(names)}


def test_what_fails_by_accident_has_a_second_try_and_no_third(tool, monkeypatch, capsys):
    second = {"tests/t.py::test_3": "passed", "tests/t.py::test_7": "failed"}
    asked = pytest_runs(tool, monkeypatch, (1, ends(3, 7)), (1, second))
    assert str(tool.run_e2e(None, "not slow", None, 4)) == "8 passed, 1 failed, 0 skipped"
    assert asked[1] == ["tests/t.py::test_3", "tests/t.py::test_7"]
    assert "tests/t.py::test_3" in capsys.readouterr().out


@pytest.mark.parametrize(
    "code, failed, tries",
    [
        (1, (0, 1, 2, 3, 4), 4),  # too many: no accident
        (1, (0,), 0),
        (2, (0,), 4),  # interrupted
        (3, (0,), 4),  # pytest broke
    ],
)
def test_no_second_try(tool, monkeypatch, code, failed, tries):
    asked = pytest_runs(tool, monkeypatch, (code, ends(*failed)))
    assert tool.run_e2e(None, "not slow", None, tries).failed == len(failed)
    assert len(asked) == 1


def test_a_second_try_that_finds_no_test_has_failed(tool, monkeypatch):
    pytest_runs(tool, monkeypatch, (1, ends(3)), (4, {}))
    assert tool.run_e2e(None, "not slow", None, 4).failed == 1


def test_a_unit_test_program_has_a_second_try(tool, monkeypatch):
    runs = [
        {"omb:unit / a": tool.Count(5), "omb:unit / b": tool.Count(2, 1)},
        {"omb:unit / b": tool.Count(3)},
    ]
    asked = []

    def meson_test(build, *more):
        asked.append(more)
        return runs[len(asked) - 1]

    monkeypatch.setattr(tool, "meson_test", meson_test)
    assert str(tool.run_unit(None, 4)) == "8 passed, 0 failed, 0 skipped"
    assert asked == [(), ("b",)]


def test_nothing_run_is_not_a_success(tool):
    assert not tool.Count().ok()
    assert not tool.Count(skipped=3).ok()
    assert not tool.Count(passed=3, failed=1).ok()
    assert tool.Count(passed=1, skipped=1).ok()
