from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.stage import Stage


@pytest.fixture
def stage(transactional_db: None, tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage
