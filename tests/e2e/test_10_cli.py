# SPDX-License-Identifier: Apache-2.0
"""The command line: help, mistakes, checks.  No broker, and nothing is measured here."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OMB = pathlib.Path(os.environ.get("OMB_BUILD", ROOT / "build")) / "omb"

COMMANDS = [
    "run", "worker", "check", "show", "csv", "cleanup", "recover", "drivers", "broker", "proxy", "demo", "calibrate",
    "help",
]

WORKLOAD = """\
name: small
topics: 2
partitionsPerTopic: 4
messageSize: 100
useRandomizedPayloads: true
randomBytesRatio: 0.5
randomizedPayloadPoolSize: 10
subscriptionsPerTopic: 1
consumerPerSubscription: 2
producersPerTopic: 3
producerRate: 600
testDuration: 60s
warmupDuration: 10s
"""


@pytest.fixture
def work(tmp_path):
    (tmp_path / "w.yaml").write_text(WORKLOAD)
    (tmp_path / "loopback.yaml").write_text("driver: loopback\n")
    (tmp_path / "null.yaml").write_text('driver: "null"\n')
    return tmp_path


def omb(*args, cwd=None, env=None):
    return subprocess.run(
        [str(OMB), *map(str, args)],
        cwd=cwd,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )


def assert_fails(done, code, *messages):
    """It says exactly this on stderr, one line each."""
    assert done.stderr.splitlines() == [f"omb: {message}" for message in messages]
    assert done.returncode == code


# ---- help and version -----------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["help", "--help", "-h"])
def test_help_lists_every_command(flag):
    done = omb(flag)
    assert done.returncode == 0
    assert done.stderr == ""
    assert re.findall(r"^  ([a-z]+) ", done.stdout, re.MULTILINE) == COMMANDS


def documented(command):
    """Its section in the page of all tables: how it is called, {name: (short name, argument)}, examples."""
    page = omb("--dump-docs").stdout
    title, section = re.search(
        rf"^### `(omb {command}\b[^`]*)`\n(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL
    ).groups()
    rows = re.findall(r"^\| `(?:(-\w+), )?(--[a-z-]+)(?: ([^`]+))?` \| \S", section, re.MULTILINE)
    options = {name: (brief, argument.replace("\\|", "|")) for brief, name, argument in rows}
    return title, options, re.findall(r"```\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_and_man_page_have_all_of_a_command(command):
    title, options, (examples,) = documented(command)
    help_text = omb(command, "--help").stdout
    wide = " ".join(help_text.split())
    assert wide.startswith(f"usage: {title.replace(command, command + ' [options]', 1)}")
    page = omb("--dump-man").stdout.replace("\\-", "-").replace("\\&", "")
    section = re.search(rf"^\.SS omb {command} .*?(?=^\.S[SH])", page, re.M | re.S).group()
    bare = re.sub(r"\\f[A-Z]|[\\\"]", "", section)
    assert "--help" in options
    for name, (brief, argument) in options.items():
        shown = f"{brief}, {name}" if brief else name
        assert f"{shown} {argument}".strip() in wide
        assert name in bare and (not argument or argument in bare)
    for example in examples.strip().splitlines():
        assert example.split()[0] == "omb"
        assert " ".join(example.split()) in wide
        assert example.split()[-1] in bare


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_a_command_does_not_have_is_exit_2_and_points_to_its_help(command):
    assert_fails(
        omb(command, "--nonsense"), 2, f'unknown option "--nonsense"; "omb help {command}" lists them'
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_in_two_ways(command):
    explained = omb("help", command)
    assert explained.returncode == 0
    assert explained.stdout.startswith(f"usage: omb {command}")
    assert omb(command, "--help").stdout == explained.stdout
    assert omb(command, "-h").stdout == explained.stdout
    # Help is given whatever else is wrong on the line.
    assert omb(command, "--nonsense", "-h").stdout == explained.stdout


@pytest.mark.parametrize("topic", ["", *COMMANDS, "workload", "faults", "exit", "environment"])
def test_help_fits_100_columns(topic):
    lines = omb("help", *topic.split()).stdout.splitlines()
    assert len(lines) > 5
    for line in lines:
        # The keys of files are written by their own table.
        assert len(line) <= 100 or topic == "workload"


def test_help_on_workloads_lists_their_keys():
    done = omb("help", "workload")
    for key in ["producerRate", "consumerBacklogSizeGB", "wakeInterval", "testDurationMinutes"]:
        assert key in done.stdout


def test_help_on_nothing_there_is_names_the_nearest():
    assert_fails(omb("help", "chekc"), 2, 'no help on "chekc", did you mean "check"?')


def test_version_says_which_build_this_is():
    done = omb("--version")
    assert done.returncode == 0
    assert re.match(r"omb \d+\.\d+\.\d+ \(.+\)$", done.stdout)


# ---- mistakes on the command line -----------------------------------------------------------


def test_no_command():
    assert_fails(omb(), 2, 'no command; "omb help" lists them')


def test_unknown_command_names_the_nearest():
    assert_fails(omb("rum"), 2, 'unknown command "rum", did you mean "run"?')
    assert_fails(omb("zzzzzzzz"), 2, 'unknown command "zzzzzzzz"; "omb help" lists them')


def test_unknown_option_names_the_nearest():
    assert_fails(omb("run", "--drvers", "x"), 2, 'unknown option "--drvers", did you mean --drivers?')
    assert_fails(omb("run", "-z"), 2, 'unknown option "-z"; "omb help run" lists them')


@pytest.mark.parametrize(
    "args, message",
    [
        (["run", "-d"], "-d needs a value: FILE,..."),
        (["run", "w.yaml"], "no driver file: -d says which broker to measure"),
        (["run", "-d", "x"], "no workload file: what load is to be made?"),
        (["run", "-o", "a", "-o", "b"], "-o is given twice"),
        (["run", "-d", "a,b", "-o", "one.json", "w"],
         "-o one.json: 2 results do not fit into one file; name a folder (one.json/)"),
        (["run", "-d", "a", "--log-format", "xml", "w"],
         '--log-format: "xml" is neither text nor json'),
        (["run", "-d", "a", "-w", "http://x", "-wf", "f", "w"],
         "either --workers or --workers-file, not both"),
        (["check", "w.yaml"], "no driver file: -d names them"),
        (["check", "-d", "x"], "no workload file to check"),
        (["check", "-d", "x", "--brokers", "0", "w"],
         '--brokers: "0" is not a number from 1 to 10000'),
        (["csv"], "expected one folder with results, or one .omb, got 0"),
        (["show"], "expected one result, NAME.omb, got 0"),
        (["show", "a.omb", "b.omb"], "expected one result, NAME.omb, got 2"),
        (["cleanup", "--run", "x"], "no driver file: -d says where to clean up"),
        (["cleanup", "-d", "x"], "which runs? either --run ID or --min-age 1h"),
        (["cleanup", "-d", "x", "--run", "orders"], '--run: "orders" is not the id of a run'),
        (["cleanup", "-d", "x", "--min-age", "1"],
         '--min-age: "1" is not a duration such as 1h'),
        (["cleanup", "-d", "x", "--min-age", "59m"],
         "--min-age 59m: a run of another host may have begun since and go on; below 1h this "
         "needs --force"),
        (["cleanup", "-d", "x", "--force"], "which runs? either --run ID or --min-age 1h"),
    ],
)
def test_wrong_usage_is_exit_2_and_one_line(args, message):
    assert_fails(omb(*args), 2, message)


def no_driver(name):
    have = [line.split()[0] for line in omb("drivers").stdout.split("\n\n")[0].splitlines()]
    assert "null" in have
    return f'no driver "{name}" in this build; it has: {" ".join(have)}'


def test_an_unknown_driver_is_told_with_those_that_there_are():
    assert_fails(omb("drivers", "kafak"), 2, no_driver("kafak"))


# ---- files ----------------------------------------------------------------------------------

KAFKA = """\
name: K
driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver
replicationFactor: 1
commonConfig: |
  bootstrap.servers=127.0.0.1:9
"""


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_folded_block_of_properties_is_refused_before_anything_is_touched(work, command):
    (work / "k.yaml").write_text(KAFKA + "producerConfig: >\n  client.id=x\n  acks=1\n")
    done = omb(command, "-d", "k.yaml", "w.yaml", cwd=work)
    assert_fails(
        done,
        2,
        "driver file k.yaml:6:17: producerConfig: `>` makes one line of several: "
        '"acks" (line 8) becomes part of the value of client.id; write `producerConfig: |`',
    )
    (work / "k.yaml").write_text(KAFKA + "producerConfig: >\n  acks=1\n")
    done = omb("check", "-d", "k.yaml", "w.yaml", cwd=work)
    assert done.returncode == 0
    assert "    acks = 1  (file)\n" in done.stdout


@pytest.mark.parametrize("command", ["run", "check"])
def test_all_errors_of_all_files_come_in_one_go(work, command):
    (work / "bad.yaml").write_text(
        WORKLOAD.replace("topics: 2", "topics: 0").replace("messageSize", "mesageSize")
    )
    (work / "worse.yaml").write_text(WORKLOAD.replace("600", "fast"))
    (work / "driver.yaml").write_text("driver: kafak\n")
    done = omb(command, "-d", "driver.yaml", "worse.yaml", "bad.yaml", cwd=work)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    for message in [
        'omb: workload bad.yaml:4:1: unknown option "mesageSize", did you mean "messageSize"?',
        "omb: workload bad.yaml:2:9: topics: 0 is outside 1..1000000",
        'omb: workload worse.yaml:11:15: producerRate: "fast" is not one of: max | number',
        "omb: driver file driver.yaml: " + no_driver("kafak"),
    ]:
        assert message in lines


@pytest.mark.parametrize(
    "file, sets, whose, linger",
    [
        ("driverClass", [], "the Java client's", "0"),
        ("driverClass", ["driver=kafka"], "the Java client's", "0"),
        ("driverClass", ["clientDefaults=librdkafka"], "librdkafka's", "5"),
        ("driverClass", ["driver=kafka", "clientDefaults=librdkafka"], "librdkafka's", "5"),
        ("driver", [], "librdkafka's", "5"),
        ("driver", ["driverClass=" + KAFKA.split()[3]], "librdkafka's", "5"),
        ("driver", ["clientDefaults=java"], "the Java client's", "0"),
    ],
)
def test_check_says_whose_defaults_are_meant_and_no_override_changes_it(
    work, file, sets, whose, linger
):
    text = KAFKA if file == "driverClass" else re.sub("driverClass: .*", "driver: kafka", KAFKA)
    (work / "k.yaml").write_text(text)
    sets = [word for pair in sets for word in ("--set", pair)]
    done = omb("check", "--all", "-d", "k.yaml", *sets, "w.yaml", cwd=work)
    assert done.returncode == 0, done.stderr
    assert f"    client defaults = {whose}  (" in done.stdout
    assert f"    linger.ms = {linger}  (" in done.stdout


def test_a_missing_file_is_named(work):
    done = omb("check", "-d", "nowhere.yaml", "gone.yaml", cwd=work)
    assert done.returncode in (1, 2)
    assert "gone.yaml" in done.stderr and "nowhere.yaml" in done.stderr
    assert done.stderr.count("No such file or directory") == 2


def test_set_of_an_unknown_key_is_an_error(work):
    done = omb("check", "-d", "loopback.yaml", "--set", "topcis=1", "w.yaml", cwd=work)
    assert_fails(done, 2, '--set: unknown option "topcis", did you mean "topics"?')
    done = omb("check", "-d", "loopback.yaml", "--set", "topics", "w.yaml", cwd=work)
    assert_fails(done, 2, "--set topics: expected key=value")


def test_set_of_a_bad_value_is_an_error(work):
    done = omb("check", "-d", "loopback.yaml", "--set", "topics=none", "w.yaml", cwd=work)
    assert done.returncode == 2
    assert 'topics: "none" is not a' in done.stderr


def test_lenient_reading_warns_and_goes_on(work):
    (work / "old.yaml").write_text(WORKLOAD + "unknownKey: 1\n")
    strict = omb("check", "-d", "loopback.yaml", "old.yaml", cwd=work)
    assert strict.returncode == 2
    lenient = omb("check", "--lenient", "-d", "loopback.yaml", "old.yaml", cwd=work)
    assert lenient.returncode == 0
    assert lenient.stderr.startswith("omb: warning: workload old.yaml:14:1: ")


def test_a_payload_of_the_wrong_size_is_an_error(work):
    (work / "payload.data").write_bytes(b"x" * 99)
    text = WORKLOAD.replace("useRandomizedPayloads: true", "payloadFile: payload.data")
    (work / "file.yaml").write_text(
        "\n".join(line for line in text.splitlines() if "andom" not in line) + "\n"
    )
    done = omb("check", "-d", "loopback.yaml", "file.yaml", cwd=work)
    assert done.returncode == 2
    assert "payload.data" in done.stderr and "99" in done.stderr and "100" in done.stderr


# ---- check ----------------------------------------------------------------------------------


def test_check_prints_the_plan(work):
    done = omb("check", "-d", "loopback.yaml", "--agents", "2", "w.yaml", cwd=work)
    assert done.stderr == ""
    assert done.returncode == 0
    for line in [
        "workload w.yaml: small, on loopback",
        "  topics    2 of 4 partitions",
        "  producers 6: 3 for each topic in 2 agents of 3",
        "  consumers 4: 2 in each of 1 subscription of each topic in 2 agents of 2",
        "  rate      600 messages/s, 100 of each producer; a pass of sends every 100us at most",
        "  payload   100 bytes, 10 different, no key",
        "  times     ready within 1m, warm-up 10s, test 1m in samples of 10s, drain within 30s",
        "  no doubts",
    ]:
        assert line in done.stdout.splitlines()
    # Every client stands behind exactly one agent.
    producers = re.findall(r"(\d+) -> topic \d", done.stdout)
    consumers = re.findall(r"(\d+) <- topic \d sub 0", done.stdout)
    assert sorted(map(int, producers)) == list(range(6))
    assert sorted(map(int, consumers)) == list(range(4))


def test_check_shows_what_the_driver_means(work):
    done = omb("check", "-d", "null.yaml", "w.yaml", cwd=work)
    assert "    acknowledgement = at once, by omb itself" in done.stdout
    assert "  warning: this driver delivers nothing: consumers cannot be opened" in done.stdout
    assert "      try: --set subscriptionsPerTopic=0" in done.stdout
    assert done.returncode == 0  # doubts are not errors


@pytest.mark.parametrize(
    "sets, doubt",
    [
        (["partitionsPerTopic=1"],
         "  warning: idle consumers: 2 of a subscription share 1 partition, so 2 of 4 consumers "
         "never receive anything"),
        (["messageSize=20"], "  warning: payloads of 20 bytes have no room for the stamp of 32:"),
        (["warmupDuration=0"], "  note: no warm-up:"),
        (["producerRate=max"], "  note: without a schedule the latency is that of the window"),
        (["pacing=spin", "agents=1", "producerRate=1000"],
         "  note: pacing: spin takes up to 0.05 of "),
        (["accounting=off"], "  note: no account is kept (accounting is off): what is lost,"),
    ],
)
def test_check_doubts(work, sets, doubt):
    flags = [flag for one in sets for flag in ("--set", one)]
    done = omb("check", "-d", "loopback.yaml", *flags, "w.yaml", cwd=work)
    assert done.returncode == 0
    assert doubt in done.stdout


@pytest.mark.parametrize(
    "block, lines, doubt",
    [
        ("producerConfig", "batch.size=0",
         "producer: batch.size is 1, not as the driver file says (batch.size=0: librdkafka takes"),
        ("commonConfig", "request.timeout.ms=1200000",
         "producer: request.timeout.ms is 900000, not as the driver file says (request.timeout"),
        ("commonConfig", "request.timeout.ms=1200000",
         "producer, consumer: socket.timeout.ms is 300000, not as the driver file says"),
        ("producerConfig",
         "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner",
         "producer: partitioner is random, not as the driver file says (partitioner.class="),
        ("consumerConfig", "linger.ms=5",
         "consumer: linger.ms=5 has no effect (an option of the producer"),
        ("producerConfig", "linger.ms=5\n  linger.ms=6",
         "producer: linger.ms=5 has no effect (line 8 sets it again: 6)"),
        ("commonConfig", "ssl.truststore.password=hunter2",
         "producer, consumer: ssl.truststore.password=**** has no effect (there is no ssl."),
    ],
)
def test_what_is_not_as_the_driver_file_says_is_a_doubt(work, block, lines, doubt):
    text = KAFKA if block == "commonConfig" else KAFKA + f"{block}: |\n"
    (work / "k.yaml").write_text(text + f"  {lines}\n")
    done = omb("check", "-d", "k.yaml", "w.yaml", cwd=work)
    assert done.returncode == 0, done.stderr
    assert f"  note: {doubt}" in done.stdout
    assert "no doubts" not in done.stdout


@pytest.mark.parametrize(
    "size, sets, doubt, advice",
    [
        (2000000, [], "messageSize: every message fails: 2000000 bytes and the record around them",
         "--set producerConfig.max.request.size=2000036"),
        (2000000, [], "messageSize: a broker as it comes refuses every message",
         "--set topicConfig.max.message.bytes=2000074"),
        (2000000, ["producerConfig.max.request.size=3000000"],
         "messageSize: a broker as it comes refuses every message",
         "--set topicConfig.max.message.bytes=2000074"),
        (2000, ["topicConfig.max.message.bytes=1000"],
         "messageSize: the broker refuses every message: a batch of one takes",
         "--set topicConfig.max.message.bytes=2070"),
        (2000000, ["producerConfig.buffer.memory=1000000"],
         "messageSize: every message fails: 2000000 bytes do not fit into the producer's queue",
         "--set producerConfig.buffer.memory=2000896"),
    ],
)
def test_check_compares_the_size_of_messages_with_the_limits(work, size, sets, doubt, advice):
    (work / "k.yaml").write_text(KAFKA)
    flags = [word for pair in [f"messageSize={size}", *sets] for word in ("--set", pair)]
    done = omb("check", "-d", "k.yaml", *flags, "w.yaml", cwd=work)
    assert done.returncode == 0, done.stderr
    assert f"  warning: {doubt}" in done.stdout
    assert f"      try: {advice}\n" in done.stdout


def test_check_does_not_doubt_sizes_that_pass(work):
    (work / "k.yaml").write_text(KAFKA)
    done = omb("check", "-d", "k.yaml", "--set", "messageSize=1000000", "w.yaml", cwd=work)
    assert "messageSize" not in done.stdout
    done = omb("check", "-d", "loopback.yaml", "--set", "messageSize=1048570", "w.yaml", cwd=work)
    assert "messageSize" not in done.stdout
    done = omb("check", "-d", "loopback.yaml", "--set", "messageSize=1048571", "w.yaml", cwd=work)
    assert "messageSize: every message fails: with its head it takes 1048577" in done.stdout


@pytest.mark.parametrize(
    "driver, doubt",
    [
        ('driver: loopback\nexternal: true\naddress: "@x"\ndelay: 5ms\n',
         "broker: delay=5ms has no effect (the broker is external"),
        ("driver: loopback\nclientDefaults: java\n", "clientDefaults has no effect"),
        ("driver: nats\nnatsHostUrl: h\nmode: core\nreplicationFactor: 3\n",
         "client: replicationFactor=3 has no effect (mode core keeps nothing"),
        ("driver: nats\nnatsHostUrl: h\nmode: core\nconsumer: pull\n",
         "client: consumer=pull has no effect (mode core keeps nothing"),
        ("driver: nats\nnatsHostUrl: h\nmode: core\nconfirm: none\nmaxInFlight: 5\n",
         "client: maxInFlight=5 has no effect (with confirm none"),
        ("driver: nats\nnatsHostUrl: h\nconfirm: none\n",
         "client: confirm=none has no effect (JetStream confirms"),
        ("driver: nats\nnatsHostUrl: h\npullBatch: 10\n",
         "client: pullBatch=10 has no effect (consumers that the server pushes to"),
        ("driver: nats\nnatsHostUrl: h\nackPolicy: none\nackWait: 7s\n",
         "client: ackWait=7s has no effect (with ackPolicy none"),
    ],
)
def test_an_option_of_which_nothing_comes_is_a_doubt(work, driver, doubt):
    (work / "d.yaml").write_text(driver)
    done = omb("check", "-d", "d.yaml", "w.yaml", cwd=work)
    assert done.returncode == 0, done.stderr
    assert f"  note: {doubt}" in done.stdout


def test_options_that_have_their_effect_are_no_doubts(work):
    for more in (
        "consumer: pull\npullBatch: 10\nackPolicy: none\nackWait: 7s\n",
        "maxAckPending: 5\nstorageType: Memory\nreplicationFactor: 3\n",
        "mode: core\npendingLimit: 1MB\nmaxInFlight: 5\n",
    ):
        (work / "d.yaml").write_text(f"driver: nats\nnatsHostUrl: h\n{more}")
        done = omb("check", "-d", "d.yaml", "w.yaml", cwd=work)
        assert done.returncode == 0, done.stderr
        assert not re.search(r"client: \w+=\S+ has no effect", done.stdout)


def test_check_doubts_limits_and_names_the_command_that_raises_them(work):
    command = f"ulimit -n 64; exec '{OMB}' check -d loopback.yaml --agents per-client " \
              "--set producersPerTopic=100 w.yaml"
    done = subprocess.run(
        ["bash", "-c", command], cwd=work, stdout=subprocess.PIPE, text=True, timeout=60
    )
    assert done.returncode == 0
    assert re.search(r"this process needs some \d+ open files and may have 64", done.stdout)
    assert re.search(r"try: sudo prlimit --pid \$\$ --nofile=\d+:\d+", done.stdout)


def test_check_shows_agents_of_large_plans_only_when_asked(work):
    args = ["check", "-d", "loopback.yaml", "--agents", "per-client", "--set",
            "producersPerTopic=50", "w.yaml"]
    assert "and 92 producer agents more (--all shows them)" in omb(*args, cwd=work).stdout
    everything = omb(*args, "--all", cwd=work).stdout
    assert "--all" not in everything
    assert everything.count("producer agent ") == 100


def test_check_takes_pairs_in_ombs_order(work):
    (work / "sub").mkdir()
    (work / "sub" / "a.yaml").write_text(WORKLOAD)
    done = omb("check", "-d", "null.yaml,loopback.yaml", "w.yaml", "sub/a.yaml", cwd=work)
    order = re.findall(r"^workload (\S+): small, on (\w+)$", done.stdout, re.MULTILINE)
    assert order == [
        ("sub/a.yaml", "null"), ("sub/a.yaml", "loopback"), ("w.yaml", "null"), ("w.yaml", "loopback")
    ]


def test_check_leaves_no_process_and_no_file(work):
    before = sorted(work.iterdir())
    done = omb("check", "-d", "loopback.yaml", "w.yaml", cwd=work)
    assert done.returncode == 0
    assert sorted(work.iterdir()) == before


def test_check_of_the_examples_raises_no_warning():
    # null delivers nothing and is for workloads without subscriptions.
    drivers = [d for d in sorted((ROOT / "examples/drivers").glob("*.yaml")) if d.stem != "null"]
    workloads = sorted((ROOT / "examples/workloads").glob("*.yaml"))
    done = omb("check", "-d", ",".join(map(str, drivers)), *workloads, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "  warning: " not in done.stdout


# ---- run, as far as it needs no load --------------------------------------------------------


def test_a_stray_workers_file_is_not_used_silently(work):
    (work / "workers.yaml").write_text("workers:\n  - http://127.0.0.1:1\n")
    done = omb("run", "-d", "loopback.yaml", "w.yaml", cwd=work)
    assert done.returncode == 1
    assert "omb: warning: workers.yaml in this folder is used: the load is made by http://127.0.0.1:1" in done.stderr
    assert "worker http://127.0.0.1:1: nobody listens there: Connection refused" in done.stderr


def test_workers_are_named_with_what_is_wrong_about_them(work):
    (work / "hosts.yaml").write_text("workers:\n  - http://a:8080\n  - a:8080\nworker: x\n")
    done = omb("run", "-d", "loopback.yaml", "-wf", "hosts.yaml", "w.yaml", cwd=work)
    assert done.returncode == 2
    assert 'omb: workers file hosts.yaml:3:5: workers: "a:8080" is no address of a worker' in done.stderr
    done = omb("run", "-d", "loopback.yaml", "-w", "http://a:1,http://a", "w.yaml", cwd=work)
    assert done.returncode == 2
    assert 'omb: --workers: "http://a" is no address of a worker: it has no port' in done.stderr
    (work / "hosts.yaml").write_text("workers: [http://127.0.0.1:1]\nother: x\n")
    done = omb("run", "-d", "loopback.yaml", "-wf", "hosts.yaml", "--lenient", "w.yaml", cwd=work)
    assert done.returncode == 1
    assert 'omb: warning: workers file hosts.yaml:2:1: unknown option "other"' in done.stderr


def test_an_environment_parameter_that_does_not_parse_stops_a_search(work):
    done = omb(
        "run", "-d", "loopback.yaml", "--set", "producerRate=0", "w.yaml",
        cwd=work, env={"PUBLISH_BACKLOG_LIMIT": "many"},
    )
    assert done.returncode == 2
    assert 'PUBLISH_BACKLOG_LIMIT: "many" is not a number' in done.stderr
    assert not list(work.glob("*.json*"))


def test_cleanup_of_a_driver_without_topics_deletes_nothing(work):
    env = {"XDG_STATE_HOME": str(work / "state")}
    done = omb("cleanup", "-d", "null.yaml", "--min-age", "0s", "--force", cwd=work, env=env)
    assert done.returncode == 0
    assert done.stdout == "null: 0 topics and 0 groups of 0 runs deleted\n"


def test_csv_of_a_result_has_its_periods(work):
    golden = (ROOT / "tests/golden/format-1.omb").read_text()
    (work / "x.omb").write_text(golden)
    done = omb("csv", "x.omb", cwd=work)
    assert done.returncode == 0 and done.stdout == "x-periods.csv\n"
    header, *rows = (work / "x-periods.csv").read_text().splitlines()
    assert header.startswith("kind,start_s,end_s,publishRate,")
    assert [row.split(",")[0] for row in rows] == ["measure", "measure", "measure", "drain"]
    assert {row.count(",") for row in rows} == {header.count(",")}
    assert omb("csv", "x.omb", "-o", "-", cwd=work).stdout.splitlines() == [header, *rows]

    # Half a file becomes no table.
    (work / "half.omb").write_text(golden[: len(golden) // 2])
    line = golden.count("\n", 0, len(golden) // 2) + 1
    done = omb("csv", "half.omb", cwd=work)
    assert done.returncode == 2 and re.match(rf"omb: result half.omb:{line}:\d+: it ends too early$", done.stderr)
    (work / "new.omb").write_text(golden.replace('"formatVersion": 1', '"formatVersion": 2'))
    assert_fails(omb("csv", "new.omb", cwd=work), 2, "result new.omb: a result of format version 2, this omb reads version 1")
    assert not list(work.glob("[hn]*.csv")) and not list(work.glob(".omb-*"))


def test_show_tells_again_what_a_result_says(work):
    golden = (ROOT / "tests/golden/format-1.omb").read_text()
    (work / "x.omb").write_text(golden)
    done = omb("show", "x.omb", cwd=work)
    assert done.returncode == 0 and done.stderr == ""
    said = " ".join(done.stdout.split())
    assert said.startswith("small on Loopback: 500 msg/s asked for, measured for 3.00s")
    assert "1,500 sent, 1,500 acknowledged, 1,500 received (1 subscription)" in said
    assert " SUSPECT SUSPECT publishDelay at p99 messages were sent 2.7 ms late, " in said
    assert done.stdout.endswith("\n\n  x.omb\n")

    (work / "x.json.invalid").write_text("{}")
    done = omb("show", "x.json.invalid", cwd=work)
    assert done.returncode == 0 and done.stdout.endswith("\n\n  x.json.invalid\n  x.omb\n")

    (work / "half.omb").write_text(golden[: len(golden) // 2])
    line = golden.count("\n", 0, len(golden) // 2) + 1
    for words in ((), ("--lost",)):
        done = omb("show", *words, "half.omb", cwd=work)
        assert done.returncode == 2 and done.stdout == ""
        assert re.match(rf"omb: result half.omb:{line}:\d+: it ends too early$", done.stderr)
    assert_fails(omb("show", "no.json", cwd=work), 1, "result no.omb: No such file or directory")


def with_account(golden, account):
    return golden.replace('\n"phases": ', f'\n"accounting": {json.dumps(account)},\n"phases": ')


def test_show_names_each_message_that_was_lost(work):
    golden = (ROOT / "tests/golden/format-1.omb").read_text()
    s = 1_000_000_000
    columns = "producer", "topic", "subscription", "partition", "first", "last", "firstDueNs", "lastDueNs"
    rows = [
        [0, "t", "g", 3, 17, 19, 177516837 + s, 177516837 + s + 4000000],
        [2, "t", "g", None, 5, 5, 77516837, 77516837],
    ]
    account = {"kept": True, "exact": True, "lost": 4}
    (work / "x.omb").write_text(with_account(golden, account | {"lostRanges": {"columns": columns, "rows": rows}}))
    done = omb("show", "--lost", "x.omb", cwd=work)
    assert done.returncode == 0 and done.stderr == ""
    first, empty, header, *lines = done.stdout.splitlines()
    assert first == "4 of 1,500 acknowledged messages were lost (1 subscription)" and empty == ""
    names = "producer sequences messages partition due_s last_due_s due topic subscription"
    assert header.split() == names.split()
    assert [line.split() for line in lines] == [
        ["0", "17-19", "3", "3", "+1.000000000", "+1.004000000", "2026-11-28T14:51:18.762527079Z", "t", "g"],
        ["2", "5", "1", "-", "-0.100000000", "-0.100000000", "2026-11-28T14:51:17.662527079Z", "t", "g"],
    ]

    (work / "x.omb").write_text(with_account(golden, account | {"exact": False, "lostRangesLeftOff": 7}))
    done = omb("show", "--lost", "x.json", cwd=work)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith("at least 4 of 1,500 acknowledged messages")
    assert done.stdout.splitlines()[-1] == "and 7 ranges more, which the result does not name"

    (work / "x.omb").write_text(with_account(golden, account | {"lost": 0}))
    done = omb("show", "--lost", "x.omb", cwd=work)
    assert done.returncode == 0
    assert done.stdout == "0 of 1,500 acknowledged messages were lost (1 subscription)\n"


def test_show_reads_the_account_of_a_file_of_this_version(work):
    shutil.copy(ROOT / "tests/golden/format-1-account.omb", work / "x.omb")
    done = omb("show", "--lost", "x.omb", cwd=work)
    assert done.returncode == 0 and done.stderr == ""
    first, _, header, *lines = done.stdout.splitlines()
    assert first == "8 of 800 acknowledged messages were lost (2 subscriptions)"
    rows = [dict(zip(header.split(), line.split())) for line in lines]
    assert [(row["subscription"][-15:-8], row["sequences"]) for row in rows] == [
        (subscription, n) for subscription in ("sub-000", "sub-001") for n in ("44", "89", "134", "179")
    ]
    assert rows[0]["due_s"] == "+0.445000000" and rows[0]["due"] == "2026-11-28T19:49:44.331591783Z"
    assert {(row["producer"], row["partition"]) for row in rows} == {("1", "1")}


def test_what_was_lost_without_an_account_is_unknown_and_not_none(work):
    golden = (ROOT / "tests/golden/format-1.omb").read_text()
    unknown = "result x.omb: no account of every message was kept ({}): which were lost is unknown"
    (work / "x.omb").write_text(golden)
    done = omb("show", "--lost", "x.omb", cwd=work)
    assert_fails(done, 1, unknown.format("it was made by an earlier omb"))
    (work / "x.omb").write_text(with_account(golden, {"kept": False, "why": "accounting is off"}))
    done = omb("show", "--lost", "x.omb", cwd=work)
    assert_fails(done, 1, unknown.format("accounting is off"))
    assert done.stdout == ""
    said = " ".join(omb("show", "x.omb", cwd=work).stdout.split())
    assert "No account was kept (accounting is off): lost messages are unknown" in said


def test_csv_of_a_folder_without_results_is_an_error(work):
    done = omb("csv", ".", cwd=work)
    assert done.returncode in (1, 2)
    assert not list(work.glob("*.csv"))
    done = omb("run", "-c", "nowhere", cwd=work)
    assert done.returncode in (1, 2)
    assert "nowhere" in done.stderr


# ---- documentation --------------------------------------------------------------------------


def test_drivers_are_listed_with_their_keys():
    done = omb("drivers")
    assert done.returncode == 0
    for name in ["kafka", "loopback", "null"]:
        assert re.search(rf"^{name} +\S", done.stdout, re.MULTILINE)
    kafka = omb("drivers", "kafka").stdout
    for text in ["replicationFactor", "producerConfig",
                 "io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver"]:
        assert text in kafka


def test_the_man_page_is_clean():
    if shutil.which("mandoc") is None:
        pytest.skip("needs mandoc; tools/setup test installs it")
    page = omb("--dump-man").stdout
    done = subprocess.run(
        ["mandoc", "-Tlint"], input=page, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.stdout == ""
    assert page.startswith('.\\"')
    for command in COMMANDS:
        assert f".SS omb {command} " in page


def test_the_documentation_in_the_repository_is_current():
    assert (ROOT / "omb.1").read_text() == omb("--dump-man").stdout
    assert (ROOT / "docs" / "options.md").read_text() == omb("--dump-docs").stdout
    assert (ROOT / "docs" / "metrics.md").read_text() == omb("--dump-metrics").stdout
