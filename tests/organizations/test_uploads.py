from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from organizations.models import Till
from tests.conftest import PageClient

pytestmark = pytest.mark.django_db

LARGE = b"x" * 4_000_000  # goes to the disk, if anywhere


def post(client: Client, path: str) -> Any:
    return client.post(path, {"kind": "tills", "file": SimpleUploadedFile("tills.csv", LARGE)})


def test_a_page_that_takes_files_gets_them(alice: PageClient) -> None:
    text = SimpleUploadedFile("tills.csv", b"till_id,code,name\n7,pos.7,Seven\n")
    answer = alice.post("/reference-data/import", {"kind": "tills", "file": text})
    assert answer.status_code == 302
    assert Till.objects.get().code == "pos.7"


def test_a_large_file_lies_on_the_disk_for_its_request_only(
    alice: PageClient, settings: Any, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    answer = post(alice, "/reference-data/import")
    assert "64 KB" in answer.content.decode()
    assert answer.wsgi_request.FILES["file"].temporary_file_path().startswith(str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["/sign-in", "/invitation/x", "/reference-data/import", "/x"])
def test_nothing_is_kept_of_whoever_is_not_signed_in(path: str) -> None:
    for client in (Client(), Client(enforce_csrf_checks=True)):
        answer = post(client, path)
        assert answer.status_code in {200, 302, 403, 404}
        assert not answer.wsgi_request.FILES


def test_no_other_page_keeps_a_file(alice: PageClient) -> None:
    for path in ("/notifications/new", "/preferences", "/members/invite", "/credentials/new"):
        answer = post(alice, path)
        assert answer.status_code in {200, 302}
        assert not answer.wsgi_request.FILES
