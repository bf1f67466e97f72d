from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from organizations.encryption import Undecipherable, decrypt, encrypt
from tests.factories import WebhookFactory
from webhooks.models import Header

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_what_is_encrypted_can_be_read_and_not_seen() -> None:
    token = encrypt("Bearer ä")
    assert "Bearer" not in token
    assert decrypt(token) == "Bearer ä"


def test_an_old_key_still_reads_and_the_newest_writes(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    old_token = encrypt("old")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert decrypt(old_token) == "old"
    new_token = encrypt("new")
    settings.ENCRYPTION_KEYS = [NEW]
    assert decrypt(new_token) == "new"


def test_a_value_whose_key_is_gone_says_so(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    token = encrypt("old")
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(Undecipherable):
        decrypt(token)


@pytest.mark.django_db
@pytest.mark.both_databases
def test_the_column_holds_no_plain_text() -> None:
    header = Header.objects.create(
        webhook=WebhookFactory(), position=0, name="Authorization", value="Bearer secret"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT value FROM {Header._meta.db_table}")
        (stored,) = cursor.fetchone()
    assert "secret" not in stored
    assert Header.objects.get(pk=header.pk).value == "Bearer secret"
