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


def test_end_to_end_tests_count_once_each(tool, tmp_path):
    report = tmp_path / "junit.xml"
    report.write_text(
        "<testsuites><testsuite>"
        "<testcase name='passes'/>"
        "<testcase name='fails, and again while tidying up'><failure/><error/></testcase>"
        "<testcase name='breaks'><error/></testcase>"
        "<testcase name='skips'><skipped/></testcase>"
        "</testsuite></testsuites>"
    )
    assert str(tool.count_junit(report)) == "1 passed, 2 failed, 1 skipped"


def test_nothing_run_is_not_a_success(tool):
    assert not tool.Count().ok()
    assert not tool.Count(skipped=3).ok()
    assert not tool.Count(passed=3, failed=1).ok()
    assert tool.Count(passed=1, skipped=1).ok()
