from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from delivery.models import Alert, AlertKind
from ens_project.environment import Environment
from tests.delivery.alerts.mail_server import MailServer
from webhooks.models import Webhook


def alert_of(webhook: Webhook, kind: str = AlertKind.FAILING, **values: Any) -> Alert:
    """That a webhook failed just now, untold."""
    told = {
        "reason": "50 attempts in a row failed.",
        "since": timezone.now(),
        "failures": 50,
        "last_status": 503,
    }
    return Alert.objects.create(webhook=webhook, kind=kind, **{**told, **values})


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    """Running, and the one that the settings name."""
    with MailServer() as server:
        variables = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
        settings.MAIL = Environment(variables).mail("EMAIL_URL", None)
        settings.MAIL_FROM = "ENS <ens@example.com>"
        settings.PUBLIC_URL = "https://ens.example.com"
        yield server
