from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from organizations import audit
from webhooks import rotation
from webhooks.models import Webhook
from webhooks.pages.form import OVERLAPS, EditPage

HOUR_S = 3_600


class SecretPage(EditPage):
    http_method_names = ["post"]

    def answer(self, stored: Webhook, *, is_shown: bool = False, note: str = "") -> HttpResponse:
        """The secret's part of the form, or without scripts the form as typed so far."""
        if not self.request.htmx:
            return self.unchecked(stored, secret_is_shown=is_shown, secret_note=note)
        context = {
            "stored": stored,
            "secrets": rotation.signing(stored),
            "overlaps": OVERLAPS,
            "secret_is_shown": is_shown,
            "secret_note": note,
        }
        return render(self.request, "includes/signing_secret.html", context)


class SecretShow(SecretPage):
    """The signing secret, for somebody with Write who asks for it; it is recorded."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        stored = self.stored()
        secrets = [secret.pk for secret in rotation.signing(stored)]
        with transaction.atomic():
            audit.record(
                request, action="secret shown", obj=stored, after={"signing_secret": secrets}
            )
        return self.answer(stored, is_shown=True)


class SecretRotate(SecretPage):
    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """A secret that was rotated since the page was made, or sent twice, is not again."""
        stored = self.stored()
        overlap_hours = _overlap(request.POST.get("overlap_hours", ""))
        if overlap_hours is None:
            return self.answer(stored, note="Choose for how long the old secret signs as well.")
        with transaction.atomic():
            locked = self.own(Webhook.objects.select_for_update())
            newest = rotation.signing(locked)[:1]
            if [str(secret.pk) for secret in newest] != request.POST.getlist("secret")[:1]:
                return self.answer(stored, note="The secret was rotated meanwhile; look again.")
            rotation.rotate(locked, request, overlap_hours * HOUR_S)
        return self.answer(stored, note="The secret was rotated.")


def _overlap(text: str) -> int | None:
    return next((hours for hours, _ in OVERLAPS if str(hours) == text), None)
