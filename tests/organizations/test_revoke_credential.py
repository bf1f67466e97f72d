import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.conftest import CredentialClient

pytestmark = pytest.mark.both_databases


def test_a_revoked_credential_signs_in_no_more(api: CredentialClient) -> None:
    out = StringIO()
    call_command("revoke_credential", api.credential.code, json=True, stdout=out)
    assert json.loads(out.getvalue()) == {
        "code": api.credential.code,
        "organization": api.organization.pk,
    }
    assert api.get("/v3/webHooks").status_code == 401


def test_what_is_not_in_use_can_not_be_revoked(api: CredentialClient) -> None:
    call_command("revoke_credential", api.credential.code, stdout=StringIO())
    for code in (api.credential.code, "nobody"):
        with pytest.raises(CommandError, match="There is no credential"):
            call_command("revoke_credential", code)
