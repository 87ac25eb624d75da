# SPDX-License-Identifier: Apache-2.0
"""A machine without the client library of a driver: an omb that looks for one that nobody has."""

import re
import subprocess

import pytest
from harness import OMB, Omb
from test_20_loopback import LOOPBACK, workload

KAFKA = {
    "name": "K",
    "driver": "kafka",
    "replicationFactor": 1,
    "commonConfig": "bootstrap.servers=127.0.0.1:9\n",
}


def library_of(omb, driver):
    out = omb.command("drivers", driver).out
    return re.search(r"^Client library: (lib\w+\.so\.[\d.]+) \(package (\S+)\)$", out, re.MULTILINE)


@pytest.fixture
def lacking(omb, tmp_path):
    """The same program with another version in the name of the library."""
    library = library_of(omb, "kafka")[1]
    other = library[:-1] + "9"
    assert other != library
    program = tmp_path / "omb"
    names = [name.encode() + b"\0" for name in (library, other)]
    assert OMB.read_bytes().count(names[0]) == 1
    program.write_bytes(OMB.read_bytes().replace(*names))
    program.chmod(0o755)
    folder = tmp_path / "lacking"
    folder.mkdir()
    o = Omb(folder, program)
    o.library, o.package = other, other.replace(".so.", "")
    yield o
    o.close()


def test_no_client_library_is_needed_to_start(omb):
    needed = subprocess.run(["ldd", OMB], capture_output=True, text=True, check=True).stdout
    assert "libc.so" in needed
    for driver in ("kafka", "nats"):
        library = library_of(omb, driver)[1]
        assert library.partition(".so")[0] not in needed


def test_drivers_says_which_library_is_missing(lacking):
    lines = lacking.command("drivers").out.splitlines()
    missing = [line for line in lines if "missing" in line]
    (line,) = missing
    assert line.startswith("kafka ")
    assert line.endswith(f"; library missing: {lacking.library} (package {lacking.package})")
    text = f"Client library, missing here: {lacking.library} (package {lacking.package})"
    assert text in lacking.command("drivers", "kafka").out


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_run_without_its_library_says_what_to_install(lacking, command):
    lacking.write("w.yaml", workload())
    lacking.write("k.yaml", KAFKA)
    result = lacking.command(command, "-d", "k.yaml", "w.yaml")
    result.must_end(1)
    said = f"driver kafka: library missing: {lacking.library}: install the package {lacking.package} ("
    assert said in result.err
    assert len(result.err.splitlines()) == 1
    assert not result.named(".json", ".json.partial", ".omb")


def test_every_other_driver_works_without_it(lacking):
    result = lacking.run(workload(testDuration="1s"), LOOPBACK)
    result.must_be_good()
