"""Custom event types of an organisation: added, changed, deleted; every version is kept.

Other processes see what happened within `event_types.REMEMBERED_S`.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction

from events.catalogue import CATALOGUE
from events.event_types import remembered
from events.json_text import json_text
from events.models import EventType, EventTypeVersion
from organizations import audit
from organizations.models import Organization

MAX_CUSTOM_TYPES: Final = 1_000  # of an organisation
MOST_NAMED: Final = 10  # webhooks in the way of a deletion

CONTENT: Final = ("schema", "sample")
PLAIN: Final = ("group", "description", "active", "validation")
SETTABLE: Final = (*PLAIN, *CONTENT)

Fields = Mapping[str, Any]  # of those in SETTABLE


class Changed(Exception):
    """Somebody else changed the type since its editor looked: `event_type` is how it is now."""

    def __init__(self, event_type: EventType) -> None:
        super().__init__(event_type.name)
        self.event_type = event_type


def defaults() -> dict[str, Any]:
    """What a new type is set to where nothing is said."""
    blank = EventType()
    return {name: getattr(blank, name) for name in SETTABLE}


def checked(event_type: EventType) -> None:
    """Raises ValidationError with all broken rules, by field."""
    event_type.full_clean(
        exclude={"organization", *CONTENT}, validate_unique=False, validate_constraints=False
    )


def drafted(organization: Organization, name: str, fields: Fields) -> EventType:
    """A custom type as it would be added; nothing is saved."""
    return _filled(EventType(organization=organization, name=name), fields)


@transaction.atomic
def add(by: audit.By, organization: Organization, name: str, fields: Fields) -> EventType:
    """Raises ValidationError.

    A name that a deleted type had goes on with that one's versions.
    """
    organization.lock()  # so that the name and the number of types stay as they are found
    own = EventType.objects.for_organization(organization)
    found = own.filter(name=name).exclude(name__in=CATALOGUE).first()
    made = drafted(organization, name, fields)
    _check_addition(made, found)
    if found is not None:
        made = _filled(found, {**defaults(), **fields}, is_revived=True)
    made.save()
    _write_version(by, made)
    audit.record(by, action="created", obj=made, after=_audited(made))
    _forget_on_commit(organization)
    return made


def change(
    by: audit.By,
    organization: Organization,
    name: str,
    fields: Fields,
    *,
    is_as_seen: Callable[[EventType], bool] = lambda _: True,
) -> EventType:
    """Set the given fields; nothing happens if they are so already.

    `is_as_seen` is asked whether the stored type is still what the editor looked at. Raises
    KeyError for a name that is no custom type's, ValidationError, and Changed.
    """
    with transaction.atomic():
        stored = _locked(organization, name)
        if not is_as_seen(stored):
            raise Changed(stored)
        before, version = _audited(stored), stored.version
        _keep_version(stored)
        _filled(stored, fields)
        checked(stored)
        if (after := _audited(stored)) == before:
            return stored
        stored.save()
        if stored.version != version:
            _write_version(by, stored)
        audit.record(by, action="changed", obj=stored, before=before, after=after)
        _forget_on_commit(organization)
    return stored


@transaction.atomic
def delete(by: audit.By, organization: Organization, name: str) -> EventType:
    """Its events, deliveries and versions stay readable; a new type of the name goes on with them.

    Raises KeyError for a name that is no custom type's, ValidationError while webhooks of the
    organisation subscribe to it.
    """
    stored = _locked(organization, name)
    if names := subscribers(organization, name):
        raise ValidationError(
            f"Webhooks subscribe to it: {_named(names)}. Take it out of them first.",
            "event_type_subscribed",
        )
    before = _audited(stored)
    _keep_version(stored)
    stored.delete_softly()
    stored.save()
    audit.record(by, action="deleted", obj=stored, before=before)
    _forget_on_commit(organization)
    return stored


def subscribers(organization: Organization, name: str) -> list[str]:
    """Names of the organisation's webhooks that are in the way of deleting the type.

    Those of its parent are not: what they listen to in a child is the child's to decide.
    """
    webhooks = organization.webhooks.filter(deleted_at=None, subscriptions__event_name=name)
    return list(webhooks.order_by("name").values_list("name", flat=True))


def mark(event_type: EventType) -> str:
    """Tells one state of what an editor sets from another. The switch is not part of it."""
    content = [getattr(event_type, name) for name in SETTABLE if name != "active"]
    text = json_text([event_type.version, *content])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def custom_type(organization: Organization, name: str) -> EventType:
    """Also a deleted one. Raises KeyError for a name that is no custom type's."""
    own = EventType.objects.for_organization(organization).exclude(name__in=CATALOGUE)
    try:
        return own.get(name=name)
    except EventType.DoesNotExist:
        raise KeyError(name) from None


def versions(event_type: EventType) -> list[EventTypeVersion]:
    """The newest first."""
    kept = list(event_type.versions.all())
    is_kept = any(version.number == event_type.version for version in kept)
    return kept if is_kept else [_version(event_type), *kept]


def version_of(event_type: EventType, number: int) -> EventTypeVersion:
    """Raises KeyError."""
    if number == event_type.version:
        return _version(event_type)
    try:
        return event_type.versions.get(number=number)
    except EventTypeVersion.DoesNotExist:
        raise KeyError(number) from None


def _version(event_type: EventType) -> EventTypeVersion:
    """The current one. Version 1 of a type that was not made here is written when it changes."""
    kept = event_type.versions.filter(number=event_type.version).first()
    return kept or EventTypeVersion(
        event_type=event_type,
        number=event_type.version,
        schema=event_type.schema,
        sample=event_type.sample,
        created_at=event_type.created_at,
    )


def _keep_version(event_type: EventType) -> None:
    version = _version(event_type)
    if version._state.adding:
        version.save()


def _write_version(by: audit.By, event_type: EventType) -> None:
    EventTypeVersion.objects.create(
        event_type=event_type,
        number=event_type.version,
        schema=event_type.schema,
        sample=event_type.sample,
        created_by=audit.caller_in(by).actor,
    )


def _check_addition(made: EventType, found: EventType | None) -> None:
    problems: dict[str, list[ValidationError]] = {}
    try:
        checked(made)
    except ValidationError as error:
        problems = error.error_dict
    if found is not None and not found.is_deleted:
        message = f"There is a custom event {made.name} already."
        taken = ValidationError(message, "event_type_name_taken")
        problems.setdefault("name", []).append(taken)
    live = EventType.objects.live().filter(organization=made.organization)
    if live.exclude(name__in=CATALOGUE).count() >= MAX_CUSTOM_TYPES:
        message = f"An organization has at most {MAX_CUSTOM_TYPES:,} custom events."
        full = ValidationError(message, "event_types_too_many")
        problems.setdefault("name", []).append(full)
    if problems:
        raise ValidationError(problems)


def _locked(organization: Organization, name: str) -> EventType:
    rows = EventType.objects.live().filter(organization=organization).select_for_update()
    try:
        return rows.exclude(name__in=CATALOGUE).get(name=name)
    except EventType.DoesNotExist:
        raise KeyError(name) from None


def _filled(event_type: EventType, fields: Fields, *, is_revived: bool = False) -> EventType:
    for name in PLAIN:
        setattr(event_type, name, fields.get(name, getattr(event_type, name)))
    content = [fields.get(name, getattr(event_type, name)) for name in CONTENT]
    if is_revived:
        event_type.schema, event_type.sample = content
        event_type.revive()
    elif event_type._state.adding:
        event_type.schema, event_type.sample = content
    else:
        event_type.set_content(*content)
    return event_type


def _audited(event_type: EventType) -> dict[str, Any]:
    """Schema and sample are told by the version, which keeps them."""
    kept = {name: getattr(event_type, name) for name in PLAIN}
    return {**kept, "validation": str(event_type.validation), "version": event_type.version}


def _named(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _forget_on_commit(organization: Organization) -> None:
    remembered.forget(organization)
    transaction.on_commit(lambda: remembered.forget(organization))
