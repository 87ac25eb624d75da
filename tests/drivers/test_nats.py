# SPDX-License-Identifier: Apache-2.0
"""What the keys of a NATS driver file do; what every driver does stands beside this."""

import json
import os
import pathlib
import signal

import pytest
from nkeys import Key, Realm
from targets import Nats, NatsWire, certificate
from test_conformance import assert_conforms, await_measured, workload
from test_contract import drive  # noqa: F401 (a fixture)

NATS = ("jetstream", "pull", "core")
STREAMS = ("jetstream", "pull")


# ---- sending -------------------------------------------------------------------------------------------


@pytest.mark.only(*NATS)
def test_a_producer_is_busy_at_its_limit_of_messages_and_loses_nothing(drive):
    driven = drive("omb-1", "-m", 2000, maxInFlight=10)
    driven.assert_exact(1, 2000)
    assert driven.told["busy"] > 0
    assert driven.told["under way"] == 10


@pytest.mark.only(*NATS)
def test_a_producer_is_busy_at_its_limit_of_bytes_and_loses_nothing(drive, target):
    # 30 MB into sockets that hold some 12, of which 3 a second go on: they are full, unless a busy machine
    # takes six seconds for what takes it a tenth of one.
    target.proxy.tell("set up bandwidth=3MB")
    driven = drive("omb-1", "-m", 300, "-b", 100_000, maxBufferBytes="64KiB", publishTimeout="60s")
    driven.assert_exact(1, 300)
    assert driven.told["busy"] > 0


@pytest.mark.only("core")
def test_messages_go_out_by_passes_or_each_by_itself(drive):
    sends = {how: drive("omb-1", "-m", 2000, sendAsap=how) for how in ("pass", "true", "false")}
    for driven in sends.values():
        driven.assert_exact(1, 2000)
    assert sends["true"].told["sends"] >= 2000
    assert sends["pass"].told["sends"] < 1000
    assert sends["false"].told["sends"] < 1000


@pytest.mark.only(*STREAMS)
@pytest.mark.parametrize("discard", ["old", "new"])
def test_a_stream_that_is_full_loses_the_oldest_or_refuses_the_newest(drive, discard):
    driven = drive(
        "omb-1", "-m", 500, "-b", 1000, subscriptions=(), maxBytes=65536, discard=discard
    )
    told = driven.told
    assert told["acknowledged"] + told["failed"] == 500
    if discard == "old":
        assert told["failed"] == 0
    else:
        assert 0 < told["acknowledged"] < 100  # of 64 KiB
        assert "maximum bytes" in told["reason"]


@pytest.mark.only("core")
def test_core_acknowledges_what_nobody_hears(drive):
    told = drive("omb-1", "-m", 500, subscriptions=()).told
    assert (told["acknowledged"], told["failed"]) == (500, 0)
    assert told["under way"] > 1
    told = drive("omb-1", "-m", 500, subscriptions=(), confirm="none").told
    assert (told["acknowledged"], told["failed"]) == (500, 0)
    assert told["under way"] == 0  # given to the library counts


# ---- receiving ------------------------------------------------------------------------------------------


@pytest.mark.only("core", "jetstream")
def test_what_is_beyond_the_pending_limit_is_dropped_and_told(drive, target):
    driven = drive("omb-1", "-m", 4000, "-w", "-i", 500, pendingLimit=100_000, ackPolicy="none")
    assert driven.told["acknowledged"] == 4000
    # 100 bytes each: the first quarter had been received, of the rest a third has room.
    assert 1000 <= len(driven.received) < 4000
    assert "messages beyond pendingLimit are dropped" in driven.err


@pytest.mark.only(*STREAMS)
@pytest.mark.parametrize("policy", ["explicit", "all", "none"])
def test_consumers_that_confirm_in_any_way_receive_everything_once(drive, policy):
    driven = drive("omb-1", "-m", 3000, ackPolicy=policy, maxAckPending=100)
    driven.assert_exact(1, 3000)


@pytest.mark.only(*STREAMS)
def test_what_the_file_says_of_streams_and_consumers_reaches_the_server(omb, target):
    said = {"ackWait": "7s", "maxAckPending": 77, "ackPolicy": "all", "maxBytes": 10_000_000}
    said |= {"retention": "interest", "discard": "new", "replicationFactor": 1}
    running = omb.start(workload(topics=1, testDuration="3s"), target.driver(**said))
    await_measured(running, 1)
    (name,) = target.leftovers()
    with NatsWire(target.address) as wire:
        stream = json.loads(wire.ask(f"$JS.API.STREAM.INFO.{name}"))["config"]
    with NatsWire(target.address) as wire:
        (consumer,) = json.loads(wire.ask(f"$JS.API.CONSUMER.LIST.{name}"))["consumers"]
    assert_conforms(running.wait())
    found = {key: stream[key] for key in ("retention", "discard", "max_bytes", "num_replicas")}
    assert found == {
        "retention": "interest",
        "discard": "new",
        "max_bytes": 10_000_000,
        "num_replicas": 1,
    }
    assert stream["storage"] == ("memory" if target.kind == "pull" else "file")
    config = consumer["config"]
    assert (config["ack_policy"], config["max_ack_pending"]) == ("all", 77)
    assert config["ack_wait"] == 7_000_000_000
    assert ("deliver_subject" in config) == (target.kind == "jetstream")


@pytest.mark.slow
@pytest.mark.only(*STREAMS)
def test_what_a_dead_consumer_had_is_waited_for(omb, target):
    """The server keeps it from the other one for ackWait, which is longer than the drain may be quiet."""
    shape = workload(agents="per-client", topics=1, testDuration="3s", drainTimeout="1s")
    running = omb.start(shape | {"consumerPerSubscription": 2}, target.driver(ackWait="9s"))
    await_measured(running)
    (consumer, _) = running.agents("omb-cons")
    os.kill(consumer.pid, signal.SIGSTOP)  # what comes now it never takes
    await_measured(running)
    os.kill(consumer.pid, signal.SIGKILL)
    result = running.wait()
    assert_conforms(result)
    assert result.totals["received"] >= result.totals["acknowledged"] > 0
    assert not {"missing", "lost"} & set(result.reasons())
    assert "may be kept from others for 9 s" in result.reasons()["drain"]


# ---- at most once -----------------------------------------------------------------------------------------


@pytest.mark.delicate
@pytest.mark.only("core")
def test_core_loses_what_is_sent_while_its_consumer_is_dead_and_says_so(omb, target):
    shape = workload(agents="per-client", topics=1, testDuration="2s", drainTimeout="1s")
    running = omb.start(shape, target.driver())
    await_measured(running)
    (consumer,) = running.agents("omb-cons")
    os.kill(consumer.pid, signal.SIGKILL)
    result = running.wait()
    result.must_end(3)
    totals = result.totals
    assert totals["acknowledged"] == totals["sent"]
    assert totals["received"] < totals["acknowledged"]
    assert "lost" in result.reasons("INVALID")
    rows = {r["key"]: r["value"] for r in result.omb["driver"] if r["section"] == "meaning"}
    assert rows["persistence"].startswith("none") and rows["consumer ack"].startswith("none")
    assert "whether anybody gets it is not known" in rows["acknowledgement"]


# ---- logging in ---------------------------------------------------------------------------------------------


@pytest.mark.only("jetstream")
def test_a_token_opens_the_server_and_another_does_not(omb, target, tmp_path):
    server = Nats(target.kind, tmp_path, "--set", "authorization={token: s3cret}", **target.more)
    try:
        assert_conforms(omb.run(workload(), server.driver(token="s3cret")))
        omb.run(workload(name="bad"), server.driver(token="wrong")).must_end(1)
        nothing = server.driver(credentialsFile=str(tmp_path / "no.creds"))
        result = omb.run(workload(name="bad"), nothing)
        assert result.code in (1, 2)
        assert not result.named(".omb")
    finally:
        server.stop()


@pytest.mark.only("jetstream")
def test_a_creds_file_opens_its_server_and_a_strangers_does_not(omb, target, tmp_path):
    realm = Realm(tmp_path)
    good, user = realm.creds("user")
    stranger, _ = realm.creds("stranger", Key("account", tmp_path, "elsewhere"))
    sets = [word for line in realm.settings.items() for word in ("--set", "=".join(line))]
    server = Nats(target.kind, tmp_path, *sets, **target.more)
    try:
        result = omb.run(workload(), server.driver(credentialsFile=str(good)))
        assert_conforms(result)
        text = result.named(".omb")[0].read_text()
        assert str(good) in text and user.seed not in text
        refused = omb.run(workload(name="bad"), server.driver(credentialsFile=str(stranger)))
        refused.must_end(1)
        assert "uthorization" in refused.err
        omb.run(workload(name="bad"), server.driver()).must_end(1)  # nobody in particular
    finally:
        server.stop()


@pytest.mark.only("jetstream")
@pytest.mark.parametrize("how", ["user", "token"])
def test_a_login_in_an_address_opens_the_server_and_is_shown_nowhere(omb, target, tmp_path, how):
    login, part = {
        "user": ("authorization={user: omb, password: s3cret}", "omb:s3cret@"),
        "token": ("authorization={token: s3cret}", "s3cret@"),
    }[how]
    server = Nats(target.kind, tmp_path, "--set", login, **target.more)
    url = f"nats://{part}{server.proxy.address}"
    try:
        shape = workload(testDuration="1500ms")
        running = omb.start(shape, server.driver(), "--set", f"natsHostUrl={url}")
        running.await_phase("measure")
        shown = {
            f"command line of {p}": pathlib.Path(f"/proc/{p}/cmdline").read_text()
            for p in [running.pid, *(agent.pid for agent in running.agents())]
        }
        shown |= {"journal": "".join(path.read_text() for path in omb.journals().values())}
        result = running.wait()
        assert_conforms(result)
        checked = omb.command("check", "-d", "d.yaml", "--set", f"natsHostUrl={url}", "w.yaml")
        shown |= {"check": checked.out, "output": result.out, "errors": result.err}
        shown |= {path.name: path.read_text() for path in result.files if path.suffix != ".yaml"}
        assert len(shown) >= 8
        for name, text in shown.items():
            assert "s3cret" not in text, name
    finally:
        server.stop()


@pytest.mark.only("jetstream")
def test_a_certificate_in_the_file_means_tls_and_no_run_in_clear_is_called_one(omb, target, tmp_path):
    cert, _ = certificate(tmp_path)
    result = omb.run(workload(), target.driver(tlsCaFile=str(cert)))
    result.must_end(1)
    assert not result.named(".omb")


# ---- streams that vanish ---------------------------------------------------------------------------------


@pytest.mark.only("jetstream")
def test_a_stream_that_is_deleted_under_a_run_is_an_event_and_a_reason(omb, target):
    shape = workload(topics=1, testDuration="2500ms", drainTimeout="1s", subscriptionsPerTopic=0)
    shape |= {"consumerPerSubscription": 0}
    running = omb.start(shape, target.driver(publishTimeout="1s"))
    await_measured(running)
    (run_id,) = omb.journals()
    omb.command("cleanup", "-d", "d.yaml", "--run", run_id, "--force").must_end(0)
    result = running.wait()
    result.must_end(3)
    (event,) = result.events("topicLost")
    assert event["text"] in result.reasons("INVALID")["topics"]
    assert result.totals["failed"] > 0
