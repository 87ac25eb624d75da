# SPDX-License-Identifier: Apache-2.0
"""What deploy/ has for other hosts says nothing that omb does not know.

The Helm chart is rendered by Helm in tests/chart ("tools/test-all chart").
"""

import json
import pathlib
import re
import subprocess

import harness
import yaml
from harness import OMB, ROOT

UNIT = ROOT / "deploy/systemd/omb-worker.service"
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
CHART = ROOT / "deploy/kubernetes"


def output(*argv):
    done = subprocess.run(
        list(map(str, argv)), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def flags_of(command):
    """Those that the manual page names, which is made from the command's table."""
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", output(OMB, "help", command)))


# ---- systemd ----------------------------------------------------------------------------------


def test_systemd_finds_the_service_sound_and_little_exposed(tmp_path):
    # Where it is not installed, the program is another one; verify wants it to be there.
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/omb", str(OMB)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert UNIT.name not in verified.stderr, verified.stderr
    # Tenths: below 3.
    judged = output("systemd-analyze", "security", "--offline=true", "--threshold=29", UNIT)
    assert "Overall exposure level" in judged


def test_the_service_reads_the_options_where_it_says(tmp_path):
    unit = UNIT.read_text()
    environment = re.search(r"^EnvironmentFile=-(\S+)$", unit, re.MULTILINE)[1]
    assert f"cp deploy/systemd/omb-worker.default {environment}" in unit
    variable = re.search(r"^ExecStart=/usr/local/bin/omb worker \$(\w+)$", unit, re.MULTILINE)[1]
    options = (UNIT.parent / "omb-worker.default").read_text()
    assert re.search(rf"^{variable}=", options, re.MULTILINE)


# ---- the image --------------------------------------------------------------------------------


def dockerfile():
    """Instructions, with continued lines as one and without comments."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


def test_the_image_is_built_in_stages_and_runs_as_nobody_in_particular():
    stages, user = [], None
    for word, rest in dockerfile():
        assert word in {"FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT", "CMD"}
        if word == "FROM":
            image = rest.split()
            stages.append(image[2] if len(image) > 1 else None)
            user = None
            assert re.fullmatch(r"\w+:[\w.-]+", image[0]) and not image[0].endswith(":latest")
        if word == "RUN" and "apt-get install" in rest and stages[-1] is None:
            assert "--no-install-recommends" in rest and "rm -rf /var/lib/apt/lists/*" in rest
        if word == "COPY" and "--from=" in rest:
            assert re.match(r"--from=(\w+)", rest)[1] in stages[:-1]
        if word == "USER":
            user = rest
    assert len(stages) == 2 and stages[-1] is None
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "Kubernetes cannot tell a name from root"


def test_what_the_image_is_built_with_exists():
    text = " ".join(rest for word, rest in dockerfile() if word == "RUN")
    groups = re.search(r"tools/setup ((?:[a-z]+ ?)+)", text)[1].split()
    assert output(ROOT / "tools/setup", "--list", *groups)
    target = re.search(r"ninja -C /build (\S+)", text)[1]
    assert target in output("ninja", "-C", OMB.parent, "-t", "targets", "all")
    options = set(re.findall(r"-D(\w+)=", text)) - {"werror"}
    known = (ROOT / "meson_options.txt").read_text()
    assert all(f"option('{name}'" in known for name in options)


def unversioned(package):
    return re.sub(r"[\d.]*(t64)?$", "", package)


def test_the_image_has_every_library_that_omb_needs():
    installed = [r for w, r in dockerfile() if w == "RUN"][-1].split("&&")[1].split()
    loaded = output("objdump", "-p", OMB)
    needed = set(re.findall(r"NEEDED\s+(\S+)", loaded)) - {"libc.so.6", "libm.so.6"}
    # What the drivers load when a run asks for them.
    tables = list(OMB.parent.glob("src/driver/*_library.c"))
    needed |= {re.search(r'\.soname = "(\S+)"', t.read_text())[1] for t in tables}
    for library in sorted(needed):
        if re.match(r"lib[atu]san|libclang", library):  # of a sanitizer's build
            continue
        owner = output("dpkg-query", "-S", f"*/{library}").split(":")[0]
        if re.search(r'^VERSION_ID="12"$', pathlib.Path("/etc/os-release").read_text(), re.M):
            assert owner in installed, f"{library} is of {owner}"
        else:  # other releases have other versions of them
            assert unversioned(owner) in map(unversioned, installed), f"{library} is of {owner}"


# ---- Kubernetes: what Helm and Kubernetes cannot know -------------------------------------------


def words_of(template, command):
    """The flags below `args:`, and those that people are told of."""
    text = (CHART / "templates" / template).read_text()
    start = text.index(f"- {command}\n", text.index("args:"))
    return set(re.findall(r"^\s+- (--?[a-z][a-z-]*)$", text[start:], re.MULTILINE))


def test_the_chart_calls_omb_by_flags_that_it_has():
    for template, command, flags in (
        ("run.yaml", "run", {"-d", "-w", "--token-file", "-o"}),
        ("workers.yaml", "worker", {"--bind", "--token-file", "-p", "--worker-id"}),
    ):
        assert words_of(template, command) == flags
        assert flags <= flags_of(command)


def told_flags(text):
    """Of `omb worker`, in an example."""
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def test_what_people_are_told_to_type_are_flags_of_omb_worker():
    options = (UNIT.parent / "omb-worker.default").read_text()
    command = dict(dockerfile())["CMD"]
    said = told_flags(re.search(r'OPTIONS="(--.*)"', options)[1]) | told_flags(command)
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert "--bind" in said and said <= flags_of("worker")
    assert str(values["workers"]["port"]) == dict(dockerfile())["EXPOSE"]


def test_the_files_of_the_chart_are_files_that_omb_can_run(tmp_path):
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for name in ("driver", "workload"):
        (tmp_path / f"{name}.yaml").write_text(values[name])
    done = subprocess.run(
        [OMB, "check", "-d", "driver.yaml", "workload.yaml"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "  no doubts\n" in done.stdout


def test_chart_and_program_are_of_one_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert output(OMB, "--version").split()[1] == chart["appVersion"]


# ---- three hosts ------------------------------------------------------------------------------


def test_three_hosts_are_had_with_the_words_of_the_documentation(tmp_path):
    workload = {
        "name": "small",
        "topics": 1,
        "partitionsPerTopic": 2,
        "messageSize": 100,
        "useRandomizedPayloads": True,
        "randomBytesRatio": 0.5,
        "randomizedPayloadPoolSize": 10,
        "subscriptionsPerTopic": 1,
        "consumerPerSubscription": 1,
        "producersPerTopic": 1,
        "producerRate": 500,
        "warmupDuration": "0s",
        "testDuration": "1s",
    }
    (tmp_path / "workload.yaml").write_text(yaml.safe_dump(workload))
    with open(tmp_path / "said", "w+") as said:
        child = harness.start(
            [ROOT / "tools/namespaces", "--build", OMB.parent, "-o", "r.json", "workload.yaml"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
        )
        code = child.wait(60)
        harness.kill(child)
        said.seek(0)
        text = said.read()
    assert code == 0, text
    told = re.sub("-o r.json ", "", text)
    commands = [line for line in told.splitlines() if re.match(r"[a-z]+(-\d+)?\$ ", line)]
    assert [line.split("$")[0] for line in sorted(commands)] == ["broker", "host-11", "run"]
    document = (ROOT / "docs/distributed.md").read_text().splitlines()
    assert set(commands) <= set(document)
    # The files of the document are those of the script.
    assert "  bootstrap.servers=10.77.0.10:9092" in document
    result = json.loads((tmp_path / "r.omb").read_text())
    assert result["accounting"]["lost"] == 0
    assert "worker http://10.77.0.11:8080: omb " in text
    # No host sees the broker on itself, as one host would.
    assert "brokerLocal" not in json.dumps(result["verdict"])


def test_the_host_settings_of_the_documentation_are_those_that_are_checked():
    document = (ROOT / "docs/distributed.md").read_text()
    plan = "".join((ROOT / "src/plan" / f).read_text() for f in ("resources.c", "host_settings.c"))
    names = set(re.findall(r"\b(?:net|vm|fs|kernel)\.[a-z0-9_.-]*[a-z]\b", plan))
    assert len(names) >= 10
    for name in names:
        assert name in document or f"`{name.rsplit('.', 1)[1]}`" in document, name
