# SPDX-License-Identifier: Apache-2.0
"""Whole runs without a broker from outside: the loopback broker, and the driver null.

Rates are low and windows short, so that they hold on a machine that does other things besides.
"""

import csv
import json
import os
import pathlib
import re
import signal

import pytest
from harness import ROOT, assert_account_is_consistent, assert_nothing_lost, plain_workload, wait_until

GOLDEN = ROOT / "tests" / "golden" / "omb-result-fields.txt"
LOOPBACK = {"name": "Loopback", "driver": "loopback"}
NULL = {"name": "Null", "driver": "null"}

RATE = 2000
SECONDS = 2
workload = plain_workload(
    name="small",
    topics=2,
    partitionsPerTopic=3,
    consumerPerSubscription=2,
    producersPerTopic=2,
    producerRate=RATE,
    testDuration=f"{SECONDS}s",
)


# ---- reasons ---


def test_the_commonest_failure_is_named_beside_its_count(omb):
    refusing = LOOPBACK | {"brokerFaults": "error:2@1"}
    result = omb.run(workload(testDuration="1s"), refusing)
    result.must_end(3)
    said = " ".join(result.out.split())
    (reason,) = [r for r in result.omb["verdict"]["reasons"] if r["name"] == "failed"]
    failed = result.totals["failed"]
    assert failed > 0
    event = max((e for e in result.omb["events"] if e["name"] == "delivery"), key=lambda e: e["count"])
    assert event["count"] == failed
    for text in (said, reason["text"]):
        assert event["text"] in text
    assert f'"{event["text"]}" ({failed} times)' in reason["text"]
    summary = json.loads(result.out)
    assert summary["failureCause"] == event["text"] and summary["failureOften"] == failed


@pytest.mark.alone
def test_a_search_that_finds_nothing_says_what_it_tried_and_what_the_clients_said(omb):
    refusing = LOOPBACK | {"brokerFaults": "error:1@1"}
    result = omb.run(workload(producerRate=0), refusing)
    result.must_end(1)
    assert "nothing was measured" in result.err and " asked, " in result.err
    assert "the clients say: " in result.err
    assert not result.named(".json", ".omb", ".partial", ".invalid")


@pytest.mark.limit(90)
def test_a_search_does_not_go_on_without_one_of_its_producers(omb):
    slow = LOOPBACK | {"capacity": 5000}
    running = omb.start(workload(producerRate=0, agents="per-client", samplePeriod="1s"), slow)
    wait_until(lambda: any(x["phase"] == "search" for x in running.said("progress")), 30, "search")
    os.kill(running.agents("omb-prod")[0].pid, signal.SIGKILL)
    result = running.wait(60)
    result.must_end(1)
    assert "a producer agent was lost, and its share of every rate with it" in result.err
    assert not result.named(".json", ".omb", ".partial", ".invalid")


# ---- the result ---------------------------------------------------------------------------------


def json_type(value, name):
    if isinstance(value, str):
        return "text"
    if isinstance(value, dict):
        return "map of " + json_type(next(iter(value.values())), name)
    if isinstance(value, list):
        kinds = {json_type(x, name) for x in value}
        assert len(kinds) == 1, f"{name}: {kinds}"
        return "list of " + kinds.pop()
    return "double" if isinstance(value, float) else "whole"


def test_the_result_has_the_fields_of_omb_in_their_order_and_types(omb):
    result = omb.run(workload(), LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result)

    wanted = [line.split("\t") for line in GOLDEN.read_text().splitlines() if line[0] != "#"]
    pairs = json.loads(result.json_path.read_text(), object_pairs_hook=list)
    assert len(wanted) == 62
    assert [name for name, _ in pairs] == [name for name, _ in wanted]
    assert {name: json_type(value, name) for name, value in result.json.items()} == dict(wanted)

    json_ = result.json
    assert json_["workload"] == "small"
    assert json_["driver"] == "Loopback"
    shape = {"messageSize": 100, "topics": 2, "partitions": 3}
    shape |= {"producersPerTopic": 2, "consumersPerTopic": 2}
    assert {name: json_[name] for name in shape} == shape
    samples = {len(value) for value in json_.values() if isinstance(value, list)}
    assert samples == {SECONDS}


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"topics": 1, "partitionsPerTopic": 300, "testDuration": "2s"},
        {"producersPerTopic": 8, "agents": "per-client", "testDuration": "2s"},
    ],
    ids=["small", "partitions", "agents"],
)
def test_check_says_what_the_files_will_weigh(omb, shape):
    """Within a factor of 3: how many buckets of a histogram are in use is up to the machine."""
    units = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}

    def bytes_in(text):
        return [float(n) * units[u] for n, u in re.findall(r"([\d.]+) ?([kMG]?B)\b", text)]

    load = workload(**{"testDuration": "3s"} | shape)
    result = omb.run(load, LOOPBACK)
    result.must_be_good()
    omb.write("l.yaml", json.dumps(LOOPBACK))
    omb.write("w.json", json.dumps(load))
    said = omb.command("check", "-d", "l.yaml", "w.json").out
    (line,) = [x for x in said.splitlines() if x.startswith("  files ")]
    assert f"for each of {len(result.omb['periods'])} samples" in line
    side, period, omb_json = bytes_in(line)
    (path,) = result.named(".omb")
    periods = [json.dumps(p, separators=(",", ":")) for p in result.omb["periods"][:-1]]
    for wanted, got in [
        (side, path.stat().st_size),
        (period, sum(map(len, periods)) / len(periods)),
        (omb_json, result.json_path.stat().st_size),
    ]:
        assert wanted / 3 < got < wanted * 3, line


def test_a_result_is_named_after_workload_driver_and_time_and_leaves_no_journal(omb):
    running = omb.start(workload(), LOOPBACK)
    running.await_phase("measure")
    (journal,) = omb.journals().values()
    assert journal.is_file()
    result = running.wait()
    result.must_be_good()
    assert omb.journals() == {}
    assert not journal.exists()
    names = [p.name for p in result.files if p.suffix != ".yaml"]
    assert len(names) == 2
    assert result.json_path.name.startswith("w-Loopback-2")
    assert result.named(".omb")[0].stem == result.json_path.stem


def test_a_quiet_run_prints_the_names_of_the_results_and_nothing_else(omb):
    paths = omb.write("w.yaml", workload()), omb.write("d.yaml", LOOPBACK)
    result = omb.command("run", "--quiet", "-d", paths[1], paths[0])
    result.must_be_good()
    assert result.err == ""
    assert result.out.split() == [result.json_path.name, result.named(".omb")[0].name]


def test_the_output_option_names_the_file(omb):
    result = omb.run(workload(), LOOPBACK, "-o", "here/mine.json")
    result.must_be_good()
    assert {p.name for p in (omb.folder / "here").iterdir()} == {"mine.json", "mine.omb"}


def test_set_overrides_keys_of_both_files(omb):
    sets = ("producerRate=1000", "workload.messageSize=200", "driver.ackDelay=20ms")
    flags = [word for pair in sets for word in ("--set", pair)]
    result = omb.run(workload(), LOOPBACK, *flags)
    result.must_be_good()
    assert result.json["messageSize"] == 200
    assert result.latency("publish").count == 1000 * SECONDS
    assert result.latency("publish").surely_below(20_000_000) == 0


# ---- all workloads on all drivers, and tables of them -----------------------------------------------


def test_every_workload_runs_on_every_driver_and_makes_a_table(omb):
    omb.write("a.yaml", workload(name="first", testDuration="1s"))
    omb.write("b.yaml", workload(name="second", testDuration="1s", messageSize=300))
    omb.write("x.yaml", LOOPBACK | {"name": "X"})
    omb.write("y.yaml", LOOPBACK | {"name": "Y"})
    slow = ("--set", "producerRate=200")
    result = omb.command("run", "-d", "x.yaml,y.yaml", "-o", "out/", *slow, "b.yaml", "a.yaml")
    result.must_end(0)
    order = [json.loads(p.read_text()) for p in sorted(result.named(".json"), key=by_time)]
    pairs = [(one["workload"], one["driver"]) for one in order]
    assert pairs == [("first", "X"), ("first", "Y"), ("second", "X"), ("second", "Y")]

    # OMB's option and our command make the same table.
    table = omb.command("run", "-c", "out")
    table.must_end(0)
    rows = list(csv.reader(pathlib.Path(omb.folder, table.out.strip()).open()))
    assert len(rows) == 5
    again = omb.command("csv", "out", "-o", "again.csv")
    again.must_end(0)
    assert list(csv.reader((omb.folder / "again.csv").open())) == rows


def by_time(path):
    return path.stat().st_mtime_ns


def test_results_of_several_runs_do_not_go_into_one_file(omb):
    paths = omb.write("w.yaml", workload()), omb.write("d.yaml", LOOPBACK)
    result = omb.command("run", "-d", paths[1], "-o", "one.json", paths[0], paths[0])
    result.must_end(2)
    assert not result.named(".omb")


# ---- agents ---------------------------------------------------------------------------------------


def agents_of(result):
    return [(a["role"], a["clients"], a["threads"]) for a in result.omb["agents"]]


def test_members_that_leave_one_after_the_other_have_nothing_delivered_again(omb):
    """Whatever the rule of their commits: the load is over by then."""
    shape = workload(
        topics=1, partitionsPerTopic=8, consumerPerSubscription=8, agents="per-client", commitInterval="10s"
    )
    result = omb.run(shape, LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result)


@pytest.mark.parametrize(
    "agents, wanted",
    [
        ("per-client", [("consumer", 1, 1)] * 4 + [("producer", 1, 1)] * 4),
        ("3", [("consumer", 2, 1), ("consumer", 1, 1), ("consumer", 1, 1)]
            + [("producer", 2, 1), ("producer", 1, 1), ("producer", 1, 1)]),
        ("1", [("consumer", 4, 1), ("producer", 4, 1)]),
    ],
)
def test_clients_are_dealt_to_agents(omb, agents, wanted):
    result = omb.run(workload(), LOOPBACK, "--agents", agents)
    result.must_be_good()
    assert agents_of(result) == wanted
    assert_nothing_lost(result)
    assert result.latency("publish").count == RATE * SECONDS


def test_agents_have_as_many_threads_as_asked_for(omb):
    result = omb.run(workload(agents=1, threadsPerAgent=2), LOOPBACK)
    result.must_be_good()
    assert agents_of(result) == [("consumer", 4, 2), ("producer", 4, 2)]
    assert_nothing_lost(result)
    assert result.latency("publish").count == RATE * SECONDS


# ---- what is sent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", ["NO_KEY", "KEY_ROUND_ROBIN", "RANDOM_NANO", "RANDOM"])
def test_messages_of_every_key_distributor_reach_all_partitions(omb, keys):
    result = omb.run(workload(keyDistributor=keys, testDuration="1s"), LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result)
    rows = result.rows("partitions")
    assert len(rows) == 2 * 3
    assert min(row["received"] for row in rows) > 0


def test_every_producer_has_its_share_of_the_rate(omb):
    result = omb.run(workload(producersPerTopic=5), LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result)
    assert [row["sent"] for row in result.rows("producers")] == [RATE * SECONDS // 10] * 10


def test_the_rate_can_be_that_of_each_producer_and_a_fraction(omb):
    shape = workload(producerRateScope="per-producer", producerRate=2.5, testDuration="4s")
    result = omb.run(shape, LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.omb["load"]["askedPerS"] == 10
    assert [row["sent"] for row in result.rows("producers")] == [10] * 4


def test_every_subscription_receives_everything(omb):
    result = omb.run(workload(subscriptionsPerTopic=3), LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result, subscriptions=3)
    received = {}
    for row in result.rows("partitions"):
        name = row["subscription"]
        received[name] = received.get(name, 0) + row["received"]
    # Two topics with three groups each.
    assert sorted(received.values()) == [RATE * SECONDS // 2] * 6


def test_a_warm_up_is_sent_and_accounted_for_but_not_measured(omb):
    result = omb.run(workload(warmupDuration="1s"), LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.totals["sent"] == RATE * (SECONDS + 1)
    for name in ("publishDelay", "publish", "correctedPublish", "endToEnd", "correctedEndToEnd"):
        assert result.latency(name).count == RATE * SECONDS, name


def test_messages_too_small_for_the_stamp_are_measured_on_the_sending_side_only(omb):
    result = omb.run(workload(messageSize=20, randomizedPayloadPoolSize=1), LOOPBACK)
    result.must_be_good()
    assert result.verdict == "SUSPECT"
    assert "accounting" in result.reasons("SUSPECT")
    assert result.omb["load"]["stamped"] is False
    assert result.latency("publish").count == RATE * SECONDS
    assert result.totals["corrupt"] == 0


# ---- rates --------------------------------------------------------------------------------------------


def test_max_sends_as_fast_as_the_window_in_flight_allows(omb):
    shape = workload(producerRate="max", maxInFlight=20, testDuration="1s")
    result = omb.run(shape, LOOPBACK | {"ackDelay": "50ms"})
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.omb["load"]["rate"] == "max"
    assert result.omb["load"]["maxInFlightMessages"] == 20
    # Never more than the window in the time of a round trip, and without a schedule no due time.
    assert result.totals["sent"] <= 4 * 20 * (1000 / 50 + 1)
    assert result.totals["sent"] >= 4 * 20
    for name in ("publishDelay", "correctedPublish", "correctedEndToEnd"):
        assert result.omb["latencies"][name]["meaningful"] is False, name
        assert result.latency(name).count == 0, name


@pytest.mark.alone
@pytest.mark.limit(120)
def test_the_search_finds_planted_capacities_within_5_percent(omb):
    shape = workload(producerRate=0, testDuration="1s", wakeInterval="1ms", agents=1)
    searches = {}
    for capacity in (3000, 7000, 13000):
        driver = LOOPBACK | {"capacity": capacity}
        searches[capacity] = omb.start(shape, driver, "-o", f"{capacity}.json")
        searches[capacity].await_phase("search")  # it has read its files
    for capacity, running in searches.items():
        result = running.wait(100).only(str(capacity))
        result.must_be_good()
        assert result.omb["load"]["searchConverged"] is True
        assert capacity * 0.95 <= result.omb["load"]["askedPerS"] <= capacity * 1.05
        assert_nothing_lost(result)


def test_null_delivers_nothing_and_acknowledges_everything(omb):
    shape = workload(subscriptionsPerTopic=0, consumerPerSubscription=0)
    result = omb.run(shape, NULL)
    result.must_be_good()
    assert result.totals["acknowledged"] == RATE * SECONDS
    assert result.totals["received"] == 0
    assert agents_of(result)[0][0] == "producer"
    assert_account_is_consistent(result)


def test_pacing_by_spinning_is_asked_for_by_one_key_and_its_cost_is_counted(omb):
    shape = workload(subscriptionsPerTopic=0, consumerPerSubscription=0, testDuration="1s")
    spun = {}
    for pacing in ("sleep", "spin"):
        result = omb.run(shape | {"pacing": pacing, "agents": 1}, NULL, "-o", f"{pacing}.json").only(pacing)
        result.must_be_good()
        assert result.totals["acknowledged"] == RATE
        assert result.omb["workload"]["pacing"] == pacing
        spun[pacing] = result.totals["spunNs"]
    # At most 50 us before each pass of sends.
    assert spun["sleep"] == 0
    assert 0 < spun["spin"] <= 50_000 * result.totals["passes"]


# ---- consumers -----------------------------------------------------------------------------------------


def test_a_slow_consumer_takes_its_time_for_each_message_and_loses_none(omb):
    # 4 consumers x 100 messages/s, and 200 messages/s over a second: on time. Half of that: late.
    shape = workload(
        messageProcessingTime="40ms", producerRate=200, testDuration="1s", agents=1
    )
    result = omb.run(shape, LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result)
    # The 50 messages of each consumer take 49 x 40 ms at least, in the second and after it.
    receiving_ns = result.phase("drain")["endNs"] - result.phase("measure")["startNs"]
    assert receiving_ns >= 49 * 40_000_000
    # The last of them waited for all but one second of that.
    assert result.latency("endToEnd").max() >= 49 * 40_000_000 - 1_000_000_000


@pytest.mark.limit(90)
def test_a_backlog_is_built_and_drained_and_both_are_timed(omb):
    gib = 3000 * 100 / 2**30
    shape = workload(
        consumerBacklogSizeGB=gib, testDuration="1s", warmupDuration="1s", subscriptionsPerTopic=2
    )
    result = omb.run(shape, LOOPBACK, timeout_s=80)
    result.must_be_good()
    assert_nothing_lost(result, subscriptions=2)
    backlog = result.omb["backlog"]
    assert backlog["built"] and backlog["drained"]
    assert 3000 <= backlog["askedMessages"] <= 3001
    assert backlog["builtMessages"] >= backlog["askedMessages"]
    assert backlog["leftMessages"] < backlog["askedMessages"]
    # Two subscriptions: it grows by twice the rate.
    assert backlog["buildNs"] >= 3000 / (2 * RATE) * 1e9
    assert backlog["drainNs"] > 0
    # Build, drain and a test duration after it make the window.
    window = result.omb["window"]
    assert window["endNs"] - window["startNs"] >= backlog["buildNs"] + backlog["drainNs"] + 1e9
    # Nobody received while it was built: some messages waited for most of that time.
    assert result.latency("endToEnd").max() >= backlog["buildNs"] / 2


# ---- topics ------------------------------------------------------------------------------------------


@pytest.fixture
def loopback_broker(omb):
    """A loopback broker that outlives a run: that of another run, which is waiting."""
    address = "@omb-e2e-" + omb.folder.parent.name
    shape = workload(producerRate=1, testDuration="60s", drainTimeout="0s")
    running = omb.start(shape, LOOPBACK | {"address": address})
    running.await_phase("measure")
    yield LOOPBACK | {"address": address, "external": True}
    running.signal(2)
    assert running.wait().code == 130


def test_topics_are_deleted_unless_they_are_to_be_kept(omb, loopback_broker):
    omb.write("x.yaml", loopback_broker)

    def leftovers():
        listed = omb.command("cleanup", "-d", "x.yaml", "--min-age", "0s", "--dry-run")
        listed.must_end(0)
        # "would delete group NAME of topic NAME"
        return [line.split()[3] for line in listed.out.splitlines() if "would delete" in line]

    assert leftovers() == []  # the other run's have consumers, and are nobody's business
    gone = omb.run(workload(testDuration="1s"), loopback_broker, "-o", "gone.json")
    gone.must_be_good()
    assert leftovers() == []

    kept = omb.run(workload(testDuration="1s"), loopback_broker, "--keep-topics", "-o", "kept.json")
    kept.must_be_good()
    run_id = kept.omb["run"]["id"]
    names = leftovers()
    assert len(names) == 2 + 2  # topics and their groups
    assert all(name.startswith(f"omb-{run_id}-") for name in names)

    cleaned = omb.command("cleanup", "-d", "x.yaml", "--run", run_id)
    cleaned.must_end(0)
    assert leftovers() == []


# ---- planted faults ----------------------------------------------------------------------------------


def run_with_faults(omb, faults, code=None):
    """They hold from the load's first message on: probes suffer none."""
    report = omb.folder / "report.txt"
    driver = LOOPBACK | {"reportFile": str(report), "brokerFaults": faults}
    shape = workload(drainTimeout="1s")
    result = omb.run(shape, driver)
    if code is None:
        result.must_be_good()
    else:
        result.must_end(code)
    assert result.totals["sent"] == RATE * SECONDS
    assert_account_is_consistent(result)
    return result, json.loads(report.read_text())


def test_lost_messages_are_found_exactly(omb):
    result, report = run_with_faults(omb, "lose:97@1", 3)
    lost = RATE * SECONDS // 97
    assert report["lost"] == lost > 0
    assert result.totals["acknowledged"] == RATE * SECONDS
    assert result.totals["received"] == RATE * SECONDS - lost
    assert result.verdict == "INVALID"
    assert result.reasons("INVALID")["lost"].startswith(f"{lost} of {RATE * SECONDS} ")
    assert "missing" not in result.reasons()  # not twice
    assert result.json_path.name.endswith(".json.invalid")


def test_each_lost_message_is_named_in_summary_result_and_by_show(omb):
    driver = LOOPBACK | {"brokerFaults": "lose:300@1 duplicate:500@1"}
    shape = workload(topics=1, partitionsPerTopic=1, producersPerTopic=1, producerRate=500, testDuration="2s")
    paths = omb.write("d.yaml", driver), omb.write("w.yaml", shape | {"drainTimeout": "1s"})
    result = omb.command("run", "-d", *paths)
    result.must_end(3)
    # The broker counts from 1, a producer from 0.
    assert [(r["producer"], r["first"], r["last"], r["partition"]) for r in result.lost()] == [
        (0, n, n, 0) for n in (299, 599, 899)
    ]
    # Due when the schedule says, to the nanosecond.
    start_ns = result.omb["window"]["startNs"]
    dues = [r["firstDueNs"] for r in result.lost()]
    assert [later - earlier for earlier, later in zip(dues, dues[1:])] == [600_000_000] * 2
    assert all(start_ns <= due < result.omb["window"]["endNs"] for due in dues)
    said = " ".join(result.out.split())
    assert "3 lost (producer 0: 299, 599, 899), 2 duplicated; 1,000 sent, 1,000 acknowledged, 999 received" in said
    assert result.omb["accounting"]["lost"] == 3 and result.omb["accounting"]["duplicated"] == 2
    assert set(result.reasons()) >= {"lost", "duplicated"} and not {"missing", "surplus"} & set(result.reasons())
    assert_account_is_consistent(result)

    (side,) = result.named(".omb")
    for path in (side, result.json_path):
        shown = omb.command("show", "--lost", path)
        shown.must_end(0)
        first, _, header, *lines = shown.out.splitlines()
        assert first == "3 of 1,000 acknowledged messages were lost (1 subscription)"
        rows = [dict(zip(header.split(), line.split())) for line in lines]
        assert [(row["producer"], row["sequences"], row["partition"]) for row in rows] == [
            ("0", str(n), "0") for n in (299, 599, 899)
        ]
        assert [round(float(row["due_s"]) * 1e9) for row in rows] == [due - start_ns for due in dues]
    shown = omb.command("show", side)
    shown.must_end(0)
    # To the letter, but for the folder of the files.
    assert shown.out.rsplit("\n\n", 1)[0] == result.out.rsplit("\n\n", 1)[0]


def test_without_an_account_lost_messages_are_unknown_and_sums_remain(omb):
    driver = LOOPBACK | {"brokerFaults": "lose:97@1"}
    result = omb.run(workload(drainTimeout="1s", accounting="off"), driver)
    result.must_end(3)
    lost = RATE * SECONDS // 97
    assert result.omb["accounting"] == {"kept": False, "why": "accounting is off"}
    assert result.reasons("INVALID")["missing"].startswith(f"{lost} of {RATE * SECONDS} ")
    assert "lost" not in result.reasons()
    assert json.loads(result.out)["accounting"] == result.omb["accounting"]
    assert_account_is_consistent(result)
    (side,) = result.named(".omb")
    said = " ".join(omb.command("show", side).out.split())
    assert f"{lost} missing. No account was kept (accounting is off): lost messages are unknown" in said
    shown = omb.command("show", "--lost", side)
    shown.must_end(1)
    assert "(accounting is off): which were lost is unknown" in shown.err


def test_duplicates_are_found_exactly(omb):
    result, report = run_with_faults(omb, "duplicate:97@1")
    twice = RATE * SECONDS // 97
    assert report["duplicated"] == twice > 0
    assert result.totals["received"] == RATE * SECONDS + twice
    assert result.verdict == "SUSPECT"
    assert result.reasons("SUSPECT")["duplicated"].startswith(f"{twice} messages ")
    assert result.omb["accounting"]["duplicated"] == twice


@pytest.mark.parametrize("stored", [False, True])
def test_refused_messages_are_found_exactly(omb, stored):
    # More than 1 % of what was sent.
    result, report = run_with_faults(omb, "deny:50@1" if stored else "error:50@1", 3)
    refused = RATE * SECONDS // 50
    assert report["refused"] == refused > 0
    assert result.totals["failed"] == refused
    assert result.totals["acknowledged"] == RATE * SECONDS - refused
    surplus = refused if stored else 0
    assert result.totals["received"] == result.totals["acknowledged"] + surplus
    assert ("deliveredThoughFailed" in result.reasons("SUSPECT")) == stored
    assert result.omb["accounting"]["deliveredThoughFailed"] == surplus
    assert f"{refused} messages failed" in result.reasons("INVALID")["failed"]
    # They are charged their age and are in no other latency.
    assert result.latency("correctedPublish").count == RATE * SECONDS
    assert result.latency("publish").count == RATE * SECONDS - refused


def test_damaged_messages_are_found_exactly(omb):
    result, report = run_with_faults(omb, "corrupt:97@1", 3)
    damaged = RATE * SECONDS // 97
    assert report["corrupted"] == damaged > 0
    assert result.totals["corrupt"] == damaged
    assert result.totals["received"] == RATE * SECONDS - damaged
    assert result.reasons("INVALID")["corrupt"].startswith(f"{damaged} messages ")


@pytest.mark.delicate
def test_a_broker_that_closes_a_connection_is_told_and_ends_the_run(omb):
    result = omb.run(
        workload(topics=1, drainTimeout="1s", agents=1),
        LOOPBACK | {"brokerFaults": f"close:1@{RATE}+1"},
    )
    result.must_end(3)
    assert "clients" in result.reasons()
    assert result.totals["failed"] > 0
    assert_account_is_consistent(result)


@pytest.mark.delicate
def test_a_broker_of_the_run_that_is_killed_leaves_nothing_to_clean_up(omb):
    running = omb.start(workload(testDuration="3s", drainTimeout="1s"), LOOPBACK)
    running.await_phase("measure")
    os.kill(running.agents("omb-brok")[0].pid, signal.SIGKILL)
    result = running.wait(60)
    result.must_end(3)
    assert "broker agent 0" in result.out + result.err
    assert "cleanup" not in result.out + result.err
    assert "leftBehind" not in result.reasons()


def test_a_broker_that_is_not_there_is_a_failure_in_bounded_time(omb):
    result = omb.run(workload(), LOOPBACK | {"address": "@omb-e2e-nobody", "external": True})
    result.must_end(1)
    assert "@omb-e2e-nobody" in result.err or "refused" in result.err.lower()
    assert not result.named(".omb")
    assert omb.journals() == {}


def test_subscriptions_that_never_become_ready_are_named(omb):
    # The broker stands still from its first message on.
    result = omb.run(workload(readinessTimeout="2s"), LOOPBACK | {"brokerFaults": "stall:1h"})
    result.must_end(1)
    assert "omb: " in result.err
    assert result.err.count("omb-") >= 1  # which ones
    assert not result.named(".omb")


# ---- signals -------------------------------------------------------------------------------------------


STANDS_STILL = LOOPBACK | {"brokerFaults": "stall:1h"}
STANDS_STILL_SOON = LOOPBACK | {"brokerFaults": "stall:1h@1000"}


LONG = {"testDuration": "60s", "producerRate": 1000, "drainTimeout": "60s"}
PHASES = {
    # phase: workload, driver, was anything measured?
    "settle": (LONG, STANDS_STILL, False),
    "search": (LONG | {"producerRate": 0}, LOOPBACK | {"capacity": 5000}, False),
    "warm-up": (LONG | {"warmupDuration": "60s"}, LOOPBACK, False),
    "measure": (LONG, LOOPBACK, True),
    "drain": (LONG | {"testDuration": "2s"}, STANDS_STILL_SOON, True),
}


@pytest.mark.delicate
@pytest.mark.parametrize("phase", PHASES)
def test_sigint_and_sigterm_end_a_run_in_every_phase(omb, phase):
    more, driver, measured = PHASES[phase]
    runs = {}
    for number in (2, 15):
        runs[number] = omb.start(workload(**more), driver, "-o", f"{number}.json")
        runs[number].await_phase(phase)
    for number, running in runs.items():
        running.signal(number)
        if phase == "drain":  # the first would wait for the broker; two of a kind may become one
            running.signal(17 - number)
    for number, running in runs.items():
        result = running.wait(30).only(str(number))
        result.must_end(130)
        assert "interrupted" in result.err
        running.assert_nothing_left()
        if measured:
            assert result.json_path.name == f"{number}.json.partial"
            assert result.omb["run"]["interrupted"] is True
            assert_account_is_consistent(result)
        else:
            assert result.files == []
    assert omb.journals() == {}


def test_an_interrupted_run_is_the_last_one(omb):
    omb.write("d.yaml", LOOPBACK)
    omb.write("a.yaml", workload(testDuration="60s"))
    omb.write("b.yaml", workload(testDuration="60s"))
    running = omb.launch("run", "--log-format", "json", "-d", "d.yaml", "a.yaml", "b.yaml")
    running.await_phase("measure")
    running.signal(2)
    result = running.wait(30)
    result.must_end(130)
    assert [p.name[:2] for p in result.named(".partial")] == ["a-"]
