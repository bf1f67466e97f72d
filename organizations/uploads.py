"""How much of an uploaded file is kept: whoever sends more fills nobody's disk."""

from django.core.files.uploadhandler import FileUploadHandler

from organizations.csv_records import MAX_BYTES


class LimitedUpload(FileUploadHandler):
    """First of the handlers. Drops what comes after a little more than MAX_BYTES.

    The rest is still read, so that the page can answer; it finds that the file is too large.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= MAX_BYTES else None

    def file_complete(self, file_size: int) -> None:
        return None
