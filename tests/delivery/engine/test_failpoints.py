import re
import subprocess
import sys
from pathlib import Path

import pytest

from delivery.engine import failpoints

ENGINE = Path(failpoints.__file__).parent
PASS_TWICE = """
import django; django.setup()
from delivery.engine.failpoints import failpoint
for name in {names}:
    failpoint(name)
    failpoint(name)
    print(name, flush=True)
"""


def test_every_point_is_known_and_every_known_one_is_passed() -> None:
    used = {
        name
        for path in ENGINE.parent.rglob("*.py")
        for name in re.findall(r'failpoint\("(\w+)"\)', path.read_text())
    }
    assert used == failpoints.POINTS


def test_nothing_happens_at_a_point_when_none_is_set() -> None:
    for name in failpoints.POINTS:
        failpoints.failpoint(name)


def passing(point: str, *names: str) -> subprocess.CompletedProcess[str]:
    """A process with ENS_FAILPOINT set passes each of the points twice."""
    import os

    return subprocess.run(
        [sys.executable, "-c", PASS_TWICE.format(names=names)],
        env={
            **os.environ,
            "ENS_FAILPOINT": point,
            "DJANGO_SETTINGS_MODULE": "ens_project.settings",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ENGINE.parent.parent,
    )


@pytest.mark.parametrize(
    ("point", "printed"),
    [("after_send", ["before_send"]), ("after_send@2", ["before_send"])],
)
def test_the_process_dies_as_by_kill_9_where_it_is_told_to(point: str, printed: list[str]) -> None:
    done = passing(point, "before_send", "after_send", "in_sweep")
    assert done.returncode == -9
    assert done.stdout.split() == printed


def test_it_lives_when_it_passes_too_seldom() -> None:
    done = passing("after_send@3", "before_send", "after_send")
    assert (done.returncode, done.stdout.split()) == (0, ["before_send", "after_send"])


@pytest.mark.parametrize("point", ["elsewhere", "after_send@often"])
def test_a_point_that_does_not_exist_is_an_error(point: str) -> None:
    ended = passing(point, "after_send")
    assert ended.returncode == 1
    assert "ENS_FAILPOINT: use NAME@N" in ended.stderr
