"""Sweepers in processes of their own, that can die."""

import os
import subprocess
import sys
from pathlib import Path

import django.db
from django.db import connection

from delivery.replay import making

ROOT = Path(making.__file__).parent.parent.parent
SWEEP = """
import django; django.setup()
from delivery.models import Replay
from delivery.replay.making import Maker
maker = Maker()
while Replay.objects.running().exists():
    maker.run()
"""


def swept_by_a_process(failpoint: str) -> int:
    """The exit code of a process that makes what runs on this test's database, until nothing
    does or it dies at the failpoint."""
    django.db.connections.close_all()
    name, url = connection.settings_dict["NAME"], os.environ.get("DATABASE_URL", "")
    is_file = connection.vendor == "sqlite"
    environment = os.environ | {
        "ENS_FAILPOINT": failpoint,
        "DATABASE_URL": f"sqlite:///{name}" if is_file else f"{url.rpartition('/')[0]}/{name}",
        "DJANGO_SETTINGS_MODULE": "ens_project.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", SWEEP], env=environment, cwd=ROOT, check=False, timeout=120
    )
    return done.returncode
