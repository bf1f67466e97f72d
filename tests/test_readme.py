"""What the README says of the settings is what the settings read."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = re.compile(r"\b(?:ENS_[A-Z_]+|DATABASE_URL|REDIS_URL|CELERY_BROKER_URL|EMAIL_URL)\b")


def test_every_setting_stands_in_the_table_of_the_readme_and_no_other() -> None:
    settings = (ROOT / "ens_project" / "settings.py").read_text()
    read = set(re.findall(r'environment\.\w+\(\s*"([A-Z_]+)"', settings))
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line[:3] == "| `"]
    told = {name for row in rows for name in VARIABLE.findall(row.split("|")[1])}
    assert told == read
