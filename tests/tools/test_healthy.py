# SPDX-License-Identifier: Apache-2.0
"""tests/healthy finds what it is there to find: a suite that passes whatever happens proves nothing."""

import collections
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parent / "healthy"
sys.path.insert(0, str(FOLDER))

import cases  # noqa: E402

RUNS = 100


@pytest.fixture
def healthy(tmp_path):
    def run(*words):
        argv = [sys.executable, FOLDER / "healthy.py", *map(str, words)]
        env = os.environ | {"TMPDIR": str(tmp_path)}  # what failed leaves its files
        return subprocess.run(argv, capture_output=True, text=True, timeout=50, check=False, env=env)

    return run


@pytest.mark.parametrize("driver", cases.DRIVERS)
def test_a_hundred_runs_have_everything_that_there_is_to_choose(driver):
    drawn = [cases.draw(driver, seed) for seed in range(1, RUNS + 1)]
    assert drawn == [cases.draw(driver, seed) for seed in range(1, RUNS + 1)]
    for key, values in (cases.CHOICES | cases.DRIVERS[driver][0]).items():
        often = collections.Counter(case[key] for case in drawn)
        assert set(often) == set(values), f"{key}: {often}"
    assert len({str(case | {"seed": 0}) for case in drawn}) == RUNS
    assert all(set(case) == set(cases.plain_of(driver)) for case in drawn)


def test_what_has_nothing_to_do_with_the_failure_is_taken_back():
    plain = cases.plain_of("loopback")
    case = cases.draw("loopback", 7) | {"topics": 3, "pacing": "spin", "agents": "per-client"}
    asked = []

    def fails(smaller):
        asked.append(smaller)
        return smaller["topics"] == 3 and smaller["pacing"] == "spin"

    smallest = cases.shrink(case, plain, fails)
    assert cases.differences(smallest, plain) == {"topics": 3, "pacing": "spin"}
    assert len(asked) == len(cases.differences(case, plain))
    # Out of time: as far as it got.
    assert cases.shrink(case, plain, lambda smaller: None) == case


def test_planted_faults_are_found_and_named_with_the_way_to_see_them_again(healthy):
    faults = "lose:1@0#5..6 duplicate:1@0#8..9 corrupt:1@0#11..12 reorder:1@0#13..14 deny:1@0#20..21"
    sets = ("--set", "drainTimeout=1s", "--set", f"brokerFaults={faults}")
    done = healthy("--runs", 1, "--first", 5, "--shrink", 0, *sets, "loopback")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"
    for name in ("lost", "duplicated", "corrupted", "outOfOrder", "deliveredThoughFailed", "failed"):
        assert f" {name}\n" in done.stdout, done.stdout
    again = f"healthy.py --first 5 --runs 1 --set drainTimeout=1s --set 'brokerFaults={faults}' loopback\n"
    assert again in done.stdout


def test_an_account_that_is_not_kept_is_no_success(healthy):
    done = healthy("--runs", 1, "--shrink", 0, "--set", "accounting=off", "loopback")
    assert done.returncode == 1
    assert "no account was kept" in done.stdout


def test_a_run_without_fault_is_told_with_what_it_carried(healthy, tmp_path):
    done = healthy("--runs", 1, "loopback")
    assert done.returncode == 0, done.stdout + done.stderr
    told, count = done.stdout.splitlines()
    assert told.startswith("loopback: 1 of 1 runs are without fault; ")
    assert count == "1 passed, 0 failed, 0 skipped"
    assert not list(tmp_path.glob("omb-healthy-*"))
