import hashlib
import secrets
from typing import NamedTuple, Self

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from organizations.models.organization import Organization, OrganizationOwnedQuerySet


class Access(models.TextChoices):
    """The access group of the resource Webhooks."""

    NONE = "none", "None"
    READ = "read", "Read"
    WRITE = "write", "Write"

    @property
    def may_read(self) -> bool:
        return self is not Access.NONE

    @property
    def may_write(self) -> bool:
        return self is Access.WRITE

    def covers(self, needed: "Access") -> bool:
        order = list(Access)
        return order.index(self) >= order.index(needed)


validate_code = RegexValidator(
    r"^[!-9;-~]+\Z",
    "Use ASCII letters, digits and signs, no spaces and no colon.",
    "code_not_allowed",
)


class CredentialQuerySet(OrganizationOwnedQuerySet["Credential"]):
    def with_organization(self) -> Self:
        return self.select_related("organization")


class IssuedSecrets(NamedTuple):
    """What the holder of a new credential gets to see, once."""

    password: str
    key: str
    secret: str


class Credential(models.Model):
    """How a brand's integration signs in: as a till, or with a key and secret for OAuth tokens.

    Password and secret are made here with 256 bits of chance, so one round of SHA-256 protects
    them as well as a slow hash would and costs a request nothing. Integrations send the password
    as its MD5 in hex, hence the digest is of that.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="credentials")
    code = models.CharField(max_length=100, unique=True, validators=[validate_code])
    name = models.CharField(max_length=200, blank=True)
    key = models.CharField(max_length=40, unique=True)
    password_digest = models.CharField(max_length=64)
    secret_digest = models.CharField(max_length=64)
    webhooks_access = models.CharField(max_length=5, choices=Access, default=Access.NONE)
    may_write_events = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code

    @property
    def access(self) -> Access:
        return Access(self.webhooks_access)

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and (
            self.expires_at is None or self.expires_at > timezone.now()
        )

    @classmethod
    def nobody(cls) -> "Credential":
        """What stands in for a credential that does not exist: it takes as long to refuse."""
        return cls(password_digest="0" * 64, secret_digest="0" * 64)

    def renew_secrets(self) -> IssuedSecrets:
        """Set new secrets on the unsaved row; they can not be read again later."""
        issued = IssuedSecrets(
            password=secrets.token_urlsafe(32),
            key=secrets.token_urlsafe(20),
            secret=secrets.token_urlsafe(32),
        )
        self.key = issued.key
        self.password_digest = digest_of_password(issued.password)
        self.secret_digest = digest_of(issued.secret)
        return issued

    def has_password(self, offered: str) -> bool:
        """Whether `offered` is the password, in plain or as its lower-case MD5 in hex."""
        return secrets.compare_digest(
            digest_of_password(offered), self.password_digest
        ) or secrets.compare_digest(digest_of(offered), self.password_digest)

    def has_secret(self, offered: str) -> bool:
        return secrets.compare_digest(digest_of(offered), self.secret_digest)

    def revoke(self) -> None:
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_password(password: str) -> str:
    return digest_of(hashlib.md5(password.encode(), usedforsecurity=False).hexdigest())
