"""Addresses of the pages about one webhook."""

from django.urls import register_converter

from webhooks.object_id import OBJECT_ID


class ObjectIdConverter:
    regex = OBJECT_ID

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


register_converter(ObjectIdConverter, "object_id")

ONE_WEBHOOK = "notifications/<object_id:public_id>"
