# SPDX-License-Identifier: Apache-2.0
"""Passwords and keys: whoever reads the output, the files or the list of processes finds none."""

import pathlib
import re

import pytest
from harness import EmbeddedBroker, wait_until
from test_15_broker import workload

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqSECRET\n-----END PRIVATE KEY-----\n"
LONG = "l0ng-" + "abcdefghij" * 300

# (arguments of --set, words that nobody may find)
SETS = {
    "spaces": (["commonConfig.sasl.password=correct h0rse b4ttery"], ["h0rse", "b4ttery"]),
    "equals": (["commonConfig.sasl.password=a1=b2=c3zz"], ["b2=", "c3zz"]),
    "quotes": (["""commonConfig.sasl.password=it's "qu0ted" so"""], ["qu0ted", "it's"]),
    "lines": (["commonConfig.ssl.key.pem=" + PEM], ["MIIEvQ", "BEGIN PRIVATE"]),
    "long": (["commonConfig.ssl.key.password=" + LONG], ["abcdefghijab", "l0ng-"]),
    "jaas": (
        [
            "producerConfig.sasl.jaas.config=org.apache.kafka.common.security.plain."
            """PlainLoginModule required username="u" password="j44s \\"in\\" j44s";"""
        ],
        ["j44s"],
    ),
    "block": (
        ["consumerConfig=client.rack=r1\nsasl.password = bl0ck pw\nauto.offset.reset=earliest"],
        ["bl0ck", "ck pw"],
    ),
    "colon": (["consumerConfig=sasl.password: c0lon pw\n"], ["c0lon", "on pw"]),
    "unknown": (["commonConfig.my.secret.thing=unkn0wn thing"], ["unkn0wn"]),
    "typo": (["commonConfig.sasl.passwd=typ0 thing"], ["typ0"]),
    "oauth": (["commonConfig.sasl.oauthbearer.client.secret=0auth s"], ["0auth"]),
    "several": (
        ["commonConfig.sasl.password=f1rst", "producerConfig.ssl.keystore.password=sec0nd one"],
        ["f1rst", "sec0nd"],
    ),
    "short": (["commonConfig.sasl.password=~q"], ["~q"]),
}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.stop()


def command_lines(running):
    """Of the run and its agents until it measures; none if it refuses to begin."""
    found = {}

    def look():
        if not running.said():
            return running.is_over()  # not before it has begun
        for process in [running.pid, *(p.pid for p in running.agents())]:
            try:
                line = pathlib.Path(f"/proc/{process}/cmdline").read_bytes().decode()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[f"command line of {process}"] = line
        measures = any(x["phase"] == "measure" for x in running.said("progress"))
        return running.is_over() or (measures and len(found) >= 3)

    wait_until(look, 30, "the command lines of the agents")
    return found


def journals_of(omb):
    """While they are there."""
    return {f"journal of {run}": path.read_text() for run, path in omb.journals().items()}


def assert_nowhere(words, texts):
    for name, text in texts.items():
        for word in words:
            assert word not in text, f"{word!r} in {name}: ...{around(text, word)}..."


def around(text, word):
    at = text.index(word)
    return text[max(0, at - 80) : at + 40]


def files_of(omb):
    """All that was written: results, journals, the state of the user."""
    kept = [p for f in (omb.folder, omb.state) if f.is_dir() for p in f.rglob("*") if p.is_file()]
    # What the test has written itself holds the secrets.
    return {p.name: p.read_text() for p in kept if p.suffix != ".yaml"}


@pytest.mark.parametrize("form", SETS)
def test_no_argument_shows_a_secret(omb, kafka, form):
    sets, words = SETS[form]
    arguments = [word for one in sets for word in ("--set", one)]
    paths = [omb.write("w.yaml", workload(testDuration="1s")), omb.write("d.yaml", kafka.driver())]
    checked = omb.command("check", "--all", "-d", paths[1], *arguments, paths[0])
    texts = {"check's output": checked.out, "check's errors": checked.err}

    running = omb.start(workload(testDuration="2s"), kafka.driver(), *arguments)
    lines = command_lines(running)
    assert all("**" in line for line in lines.values() if line), lines
    texts |= journals_of(omb)
    texts |= lines
    result = running.wait()
    assert len(lines) >= 3 or result.code == 2
    texts |= {"output": result.out, "errors": result.err} | files_of(omb)
    assert_nowhere(words, texts)
    if result.named(".omb"):
        line = result.omb["run"]["commandLine"]
        assert line.count("****") >= len(sets), line
        for one in sets:
            assert re.split(r"[.=]", one)[1] in line


# One that is wrong, so that messages quote what they complain about.
WRONG = {
    "no equals sign": ("--set", "commonConfig.sasl.password h0rse"),
    "flag with value": ("--set=commonConfig.sasl.pasword=h0rse",),
    "unknown flag": ("--sett", "commonConfig.sasl.password=h0rse"),
    "unknown flag, one word": ("--password=h0rse",),
    "positional": ("sasl.password=h0rse",),
    "no such file": ("-d", "commonConfig.sasl.password=h0rse"),
    "as a list": ("--set", "commonConfig.sasl.password=[h0rse"),
    "stray": ("--set", "commonConfig=sasl.jaas.config=x password=h0rse\nacks=h0rse"),
    "broken jaas": ("--set", "commonConfig.sasl.jaas.config=x required password=h0rse"),
    "address": ("--set", "commonConfig.bootstrap.servers=http://u:h0rse@h:1"),
    "cut": ("--set", "commonConfig.acks.password=h0rse" + "h0rse" * 100),
}


@pytest.mark.parametrize("form", WRONG)
def test_no_message_quotes_a_secret(omb, kafka, form):
    paths = [omb.write("w.yaml", workload(testDuration="1s")), omb.write("d.yaml", kafka.driver())]
    for command in ("check", "run"):
        done = omb.command(command, "-d", paths[1], *WRONG[form], paths[0])
        assert_nowhere(["h0rse"], {"output": done.out, "errors": done.err} | files_of(omb))


# The same in files.
FILES = {
    "block": {"commonConfig": "bootstrap.servers={0}\nsasl.password=f1le s3cret\n"},
    "continued": {"commonConfig": "bootstrap.servers={0}\nssl.key.password=f1le \\\n  s3cret\n"},
    "jaas": {
        "commonConfig": "bootstrap.servers={0}\nsasl.jaas.config=a.PlainLoginModule required "
        "username='x' password='f1le s3cret';\n"
    },
    "map": {"commonConfig": {"bootstrap.servers": "{0}", "sasl.password": "f1le s3cret"}},
    "option": {"authToken": "f1le s3cret"},
    "wrong type": {"replicationFactor": "f1le s3cret", "password": "f1le s3cret"},
}


@pytest.mark.parametrize("form", FILES)
def test_no_file_gives_its_secrets_away(omb, kafka, form):
    def filled(value):
        if isinstance(value, dict):
            return {k: filled(v) for k, v in value.items()}
        return value.replace("{0}", kafka.address)

    driver = kafka.driver(**{k: filled(v) for k, v in FILES[form].items()})
    path = omb.write("d.yaml", driver)
    checked = omb.command("check", "--all", "-d", path, omb.write("w.yaml", workload()))
    texts = {"check's output": checked.out, "check's errors": checked.err}
    result = omb.run(workload(testDuration="1s"), path)
    texts |= {"output": result.out, "errors": result.err} | files_of(omb)
    assert_nowhere(["f1le", "s3cret"], texts)


def test_what_is_no_secret_stays_readable(omb, kafka):
    sets = (
        "commonConfig.client.id=me",
        "commonConfig.ssl.ca.location=/etc/ssl/certs/ca certificates.crt",
        "commonConfig.sasl.username=alice",
    )
    arguments = [word for one in sets for word in ("--set", one)]
    result = omb.run(workload(testDuration="1s"), kafka.driver(), *arguments)
    line = result.omb["run"]["commandLine"]
    assert "commonConfig.client.id=me" in line and "sasl.username=alice" in line
    assert "'commonConfig.ssl.ca.location=/etc/ssl/certs/ca certificates.crt'" in line
    assert "****" not in line
