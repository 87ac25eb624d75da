# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the end-to-end tests, for the conformance suite too.

Pairs of driver and case that cannot be are no tests: `@pytest.mark.needs(what)` leaves out those whose
row in targets.py says why not, `@pytest.mark.only(kind, ...)` all others.
"""

import importlib.util
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
sys.path.insert(0, str(E2E))
_spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({k: v for k, v in vars(_module).items() if not k.startswith("_")})

from targets import cannot  # noqa: E402


def pytest_configure(config):
    _module.pytest_configure(config)
    for line in ("needs(what): of the target", "only(kind, ...): targets", "slow: of make test-all"):
        config.addinivalue_line("markers", line)


def can_be(item):
    kind = item.callspec.params["target"]
    needs = [m.args[0] for m in item.iter_markers("needs")]
    only = [kinds.args for kinds in item.iter_markers("only")]
    return not any(cannot(kind, what) for what in needs) and all(kind in kinds for kinds in only)


def pytest_collection_modifyitems(config, items):
    ours = [i for i in items if pathlib.Path(i.path).parent == HERE]
    left_out = [i for i in ours if not can_be(i)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [i for i in items if i not in left_out]
