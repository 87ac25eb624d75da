# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the end-to-end tests, for the conformance suite too.

A case that a row cannot do is marked `@pytest.mark.needs(what)`: it is no test there, and the head
of the run says why.  What is of one kind of broker alone is marked `@pytest.mark.only(kind, ...)`.
"""

import importlib.util
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
sys.path.insert(0, str(E2E))
_spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({k: v for k, v in vars(_module).items() if not k.startswith("_")})

from targets import CANNOT, QUICK, cannot, start  # noqa: E402

LEFT_OUT = []


def why_not(item):
    """The reasons why a pair of driver and case is no test; empty: it is one."""
    if "target" not in item.callspec.params:
        return []
    kind = item.callspec.params["target"]
    needs = [m.args[0] for m in item.iter_markers("needs")]
    reasons = [f"{kind}: no {what}: {cannot(kind, what)}" for what in needs if cannot(kind, what)]
    for only in item.iter_markers("only"):
        if kind not in only.args:
            reasons.append(f"{kind}: it is about {' and '.join(only.args)}")
    return reasons


def pytest_collection_modifyitems(config, items):
    ours = [i for i in items if pathlib.Path(i.path).parent == HERE and hasattr(i, "callspec")]
    reasons = {item: why_not(item) for item in ours}
    left_out = [item for item in ours if reasons[item]]
    for item in left_out:
        LEFT_OUT.append(f"{item.originalname} is none on {'; '.join(reasons[item])}")
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [i for i in items if i not in left_out]


def pytest_report_collectionfinish(config):
    """Each with its reason, but for those who asked to be told little: pytest -q."""
    return sorted(set(LEFT_OUT)) if config.option.verbose >= 0 else []


SLOW = [pytest.param(k, marks=pytest.mark.slow) for k in CANNOT if k not in QUICK]


@pytest.fixture(scope="session", params=[*QUICK, *SLOW])
def target(request, tmp_path_factory):
    """A row.  Its cases come one after the other."""
    folder = tmp_path_factory.mktemp(request.param)
    broker = start(request.param, folder)
    try:
        if request.param == "kafka":
            _module.warm_up(broker, folder / "warm-up")
        yield broker
    finally:
        broker.stop()


@pytest.fixture(autouse=True)
def in_order(request):
    """Whatever becomes of a case, the next one finds the broker and its network as they were."""
    yield
    if "target" not in request.fixturenames:
        return
    target = request.getfixturevalue("target")
    if target.proxy:
        target.proxy.tell("heal")
        target.proxy.tell("set latency=0 jitter=0 bandwidth=0")
    target.restore()
