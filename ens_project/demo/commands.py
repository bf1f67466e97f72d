"""What the demo's commands have in common."""

from django.conf import settings
from django.core.management.base import CommandError

from ens_project.demo.state import DemoState


def require_demo() -> None:
    """Raises CommandError unless the settings say that this is a demo."""
    if not settings.DEMO:
        raise CommandError(
            "This is not a demo: `make run`, or `manage.py up --demo`, starts one, and no command"
            " of the demo touches any other installation."
        )


def seeded() -> DemoState:
    """What `seed_demo` has remembered. Raises CommandError outside a demo, or before the seed."""
    require_demo()
    state = DemoState.read(settings.DEMO_FILE)
    if state is None:
        raise CommandError(f"{settings.DEMO_FILE} is missing: run `manage.py seed_demo` first.")
    return state
