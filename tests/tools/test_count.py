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
        "name='passes[in a group]@kafka-1'/>",
        "name='fails, and again while tidying up'><failure/><error/></testcase>",
        "name='passes, but not its fixture'/>",
        "name='passes, but not its fixture'><error/></testcase>",
        "name='breaks'><error/></testcase>",
        "name='skips'><skipped/></testcase>",
    )
    ends = tool.read_junit(report)
    assert ends["tests/t.py::breaks"] == "failed"
    assert ends["tests/t.py::passes[in a group]"] == "passed"
    assert str(tool.count_ends(ends)) == "2 passed, 3 failed, 1 skipped"


# ---- beside each other, alone, and a second time --------------------------------------------------


def pytest_runs(tool, monkeypatch, *runs):
    """What pytest is asked for, when its runs end as given."""
    asked = []

    def run_pytest(build, arguments):
        asked.append(arguments)
        return runs[len(asked) - 1]

    monkeypatch.setattr(tool, "run_pytest", run_pytest)
    return asked


def ends(*failed, of=range(9)):
    return {f"tests/t.py::test_{i}": "failed" if i in failed else "passed" for i in of}


ALONE = (0, ends(of=range(10, 12)))


def test_those_that_measure_run_alone(tool, monkeypatch):
    asked = pytest_runs(tool, monkeypatch, (0, ends()), ALONE)
    assert str(tool.run_e2e(None, "not slow", None, 4)) == "11 passed, 0 failed, 0 skipped"
    assert asked[0][:5] == ["-n", "3", "--dist", "loadgroup", "-m"]
    assert asked[0][5:] == ["not slow and not alone", "tests"]
    assert asked[1] == ["-m", "not slow and alone", "tests"]


def test_what_fails_by_accident_has_a_second_try_and_no_third(tool, monkeypatch, capsys):
    second = {"tests/t.py::test_3": "passed", "tests/t.py::test_7": "failed"}
    asked = pytest_runs(tool, monkeypatch, (1, ends(3, 7)), ALONE, (1, second))
    assert str(tool.run_e2e(None, "not slow", None, 4)) == "10 passed, 1 failed, 0 skipped"
    assert asked[2] == ["tests/t.py::test_3", "tests/t.py::test_7"]
    assert "tests/t.py::test_3" in capsys.readouterr().out


def test_a_second_try_that_is_good_makes_all_good(tool, monkeypatch):
    pytest_runs(tool, monkeypatch, (1, ends(3)), ALONE, (0, ends(of=[3])))
    assert tool.run_e2e(None, "not slow", None, 4).ok()


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
    asked = pytest_runs(tool, monkeypatch, (code, ends(*failed)), ALONE)
    assert tool.run_e2e(None, "not slow", None, tries).failed == len(failed)
    assert len(asked) == 2


def test_a_second_try_that_finds_no_test_has_failed(tool, monkeypatch):
    pytest_runs(tool, monkeypatch, (1, ends(3)), ALONE, (4, {}))
    assert tool.run_e2e(None, "not slow", None, 4).failed == 1


@pytest.mark.parametrize("code", [2, 3, 4])
def test_a_pytest_that_breaks_has_failed_whatever_passed(tool, monkeypatch, code):
    pytest_runs(tool, monkeypatch, (0, ends()), (code, {}))
    assert str(tool.run_e2e(None, "not slow", None, 4)) == "9 passed, 1 failed, 0 skipped"


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


def test_of_rounds_each_test_counts_once_and_one_failure_is_enough(tool, monkeypatch, capsys):
    rounds = iter([("passed", "passed"), ("failed", "passed"), ("passed", "passed"), ("failed", "skipped")])

    def round_of(*_):
        first, second = next(rounds)
        return 1 if "failed" in (first, second) else 0, {"a": first, "b": second}

    # Two calls of pytest in a round: beside each other, and alone.
    monkeypatch.setattr(tool, "run_pytest", round_of)
    monkeypatch.setattr(tool, "meson_test", lambda _: {"u": tool.Count(passed=3)})
    assert str(tool.repeat("build", 2, [])) == "2 passed, 1 failed, 0 skipped"
    said = capsys.readouterr().out
    assert "FAILED 2 of 2: a" in said and ": b" not in said


def test_a_pytest_that_ends_badly_is_a_failure_of_its_round(tool, monkeypatch):
    monkeypatch.setattr(tool, "run_pytest", lambda *_: (2, {"a": "passed"}))
    monkeypatch.setattr(tool, "meson_test", lambda _: {})
    assert str(tool.repeat("build", 1, [])) == "1 passed, 1 failed, 0 skipped"
