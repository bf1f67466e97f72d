from pathlib import Path
from typing import Any

import pytest

from ens_project.embedded import free_port


@pytest.fixture
def demo(settings: Any, tmp_path: Path) -> Any:
    """The settings of a demo of its own; nothing is seeded yet."""
    settings.DEMO = True
    settings.DEMO_FILE = tmp_path / "demo.json"
    settings.PORT = free_port()
    return settings
