from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

ATTEMPTS = 5
LOCK = timedelta(minutes=15)
KEEP = timedelta(days=1)


class SignInAttemptsQuerySet(models.QuerySet["SignInAttempts"]):
    def forget_old(self) -> None:
        self.filter(until__lt=timezone.now() - KEEP).delete()

    def _about(self, subject: str) -> Self:
        return self.filter(subject=subject)

    def begin(self, subject: str) -> bool:
        """Count an attempt, before the password is looked at: guesses in parallel do not slip by.

        False when the subject is locked; then nothing is counted, and the lock gets no longer.
        """
        now = timezone.now()
        row = self._about(subject)
        self.bulk_create(
            [self.model(subject=subject, count=0, until=now + LOCK)], ignore_conflicts=True
        )
        if row.filter(until__lte=now).update(count=1, until=now + LOCK):
            return True
        counted = row.filter(count__lt=ATTEMPTS).update(count=F("count") + 1, until=now + LOCK)
        return bool(counted)

    def take_back(self, subject: str) -> None:
        """The attempt succeeded, so it does not count."""
        self._about(subject).filter(count__gt=0).update(count=F("count") - 1)

    def forget(self, subject: str) -> None:
        self._about(subject).delete()


class SignInAttempts(models.Model):
    """How often somebody failed to sign in with one name, or from one address.

    With the fifth failure the subject is locked until `until`; a subject that was left alone
    that long starts anew. `subject` is a digest: people type passwords where the name belongs.
    """

    subject = models.CharField(max_length=64, unique=True)
    count = models.PositiveSmallIntegerField()
    until = models.DateTimeField(db_index=True)

    objects = SignInAttemptsQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.count} attempts"


def subject_of(text: str) -> str:
    """The digest that stands for a name, an address or whatever else attempts are counted by."""
    return salted_hmac("organizations.sign-in", text, algorithm="sha256").hexdigest()
