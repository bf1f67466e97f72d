"""For those who build receivers: how a request is verified, with code to copy. Public."""

from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.views.generic import TemplateView

from delivery.engine.retry import JITTER, SCHEDULE_S
from organizations.templatetags.display import duration

HOME = Path(__file__).parent.parent / "snippets"


class Snippet(NamedTuple):
    """The file whose `code` is shown as it is; `key` is the language, as part of ids."""

    key: str
    label: str
    file_name: str
    code: str


SNIPPETS = [
    Snippet(key, label, name, (HOME / name).read_text(encoding="utf-8"))
    for key, label, name in (
        ("python", "Python", "verify.py"),
        ("javascript", "JavaScript", "verify.mjs"),
        ("java", "Java", "WebhookSignature.java"),
        ("csharp", "C#", "WebhookSignature.cs"),
        ("php", "PHP", "verify.php"),
        ("go", "Go", "verify.go"),
    )
]


class VerifySignatures(TemplateView):
    http_method_names = ["get", "head", "options"]
    template_name = "delivery/verify_signatures.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        waits = [duration(wait_s * 1000).replace(".0 s", " s") for wait_s in SCHEDULE_S]
        return super().get_context_data(
            **context,
            snippets=SNIPPETS,
            waits=", ".join(waits),
            last_wait=waits[-1],
            jitter_percent=round(100 * JITTER),
            delivery_hours=settings.DELIVERY_HOURS,
        )
