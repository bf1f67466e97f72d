"""Which uploaded file is kept, and how much of it: nobody's disk is filled by whoever comes by."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from organizations.csv_records import MAX_BYTES


def _is_wanted(request: HttpRequest | None) -> bool:
    match = request.resolver_match if request else None
    if request is None or match is None:
        return False
    page = getattr(match.func, "view_class", None)
    return getattr(page, "takes_files", False) and request.user.is_authenticated


class LimitedUpload(FileUploadHandler):
    """First of the handlers. Drops what comes after a little more than MAX_BYTES.

    The rest is still read, so that the page can answer; it finds that the file is too large.
    Nothing is kept for a page without `takes_files`, nor from whoever is not signed in: forms are
    read before anybody asks who sent them.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if not _is_wanted(self.request):
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= MAX_BYTES else None

    def file_complete(self, file_size: int) -> None:
        return None
