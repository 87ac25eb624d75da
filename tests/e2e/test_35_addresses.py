# SPDX-License-Identifier: Apache-2.0
"""Where the broker is: addresses that cannot work, and brokers that are not there."""

import pytest
from harness import plain_workload

WORKLOAD = plain_workload(name="nowhere", producerRate=10)()


def unreachable(servers):
    return {
        "name": "Nowhere",
        "driver": "kafka",
        "commonConfig": f"bootstrap.servers={servers}\n",
    }


@pytest.mark.parametrize("servers", ["http://h:9092", "h", "", "h:0", "::1:9092", "a:1 b:2"])
def test_an_address_that_cannot_work_is_refused_before_anything_starts(omb, servers):
    files = omb.write("w.yaml", WORKLOAD), omb.write("d.yaml", unreachable(servers))
    for command in (("check", "-d", files[1], files[0]), ("run", "-d", files[1], files[0])):
        done = omb.command(*command)
        done.must_end(2)
        assert "d.yaml:" in done.err and "bootstrap.servers: " in done.err
    done = omb.command("cleanup", "-d", files[1], "--run", "01lg22la7e2p")
    done.must_end(2)
    assert "bootstrap.servers: " in done.err
    assert not omb.journals()


@pytest.mark.parametrize("servers", ["http://h:4222", "", "h:0", "h:x", "::1:4222", "a:1 b:2", "u:s3cret@h"])
def test_a_nats_server_that_cannot_be_one_is_refused_before_anything_starts(omb, servers):
    driver = omb.write("d.yaml", {"name": "NATS", "driver": "nats", "natsHostUrl": servers})
    workload = omb.write("w.yaml", WORKLOAD)
    for command in (("check", workload), ("run", workload), ("cleanup", "--run", "01lg22la7e2p")):
        done = omb.command(command[0], "-d", driver, *command[1:])
        done.must_end(2)
        assert "d.yaml" in done.err and "natsHostUrl: " in done.err
        assert "s3cret" not in done.err + done.out
    assert not omb.journals()


@pytest.mark.parametrize("servers", ["127.0.0.1:1", "nowhere.invalid:4222"])
def test_a_nats_server_that_is_not_there_is_waited_for_once(omb, servers):
    driver = {"name": "NATS", "driver": "nats", "natsHostUrl": servers}
    result = omb.run(WORKLOAD, driver)
    result.must_end(1)
    assert result.err.count(servers) == 1
    assert "left behind" not in result.err and "cleanup" not in result.err
    assert not omb.journals()


@pytest.mark.parametrize("servers", ["127.0.0.1:1", "nowhere.invalid:9092"])
def test_a_broker_that_is_not_there_is_waited_for_once(omb, servers):
    result = omb.run(WORKLOAD, unreachable(servers))
    result.must_end(1)
    # One wait, and nothing was made that could be left behind.
    assert result.err.count("no broker answers at " + servers) == 1
    assert "left behind" not in result.err and "cleanup" not in result.err
    assert "refused" in result.err or "resolve" in result.err
