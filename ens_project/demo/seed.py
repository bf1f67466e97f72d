"""Makes the demo's organisations, those who may act for them, and their webhooks."""

import secrets
import socket
from dataclasses import replace
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.crypto import get_random_string

from ens_project.demo import brand
from ens_project.demo.state import DemoState
from organizations.authentication import Caller
from organizations.creation import (
    GENERATED_PASSWORD_LENGTH,
    NewCredential,
    create_credential,
    create_organization,
    create_user,
)
from organizations.models import (
    Access,
    Credential,
    Customer,
    CustomerIdentifier,
    Membership,
    Organization,
    Store,
    Till,
)
from organizations.sources import PAYLOAD_KEYS
from webhooks.draft import Draft
from webhooks.models import Webhook

RECEIVER_HOST = "127.0.0.1"
PORTS_TRIED = 200


@transaction.atomic
def seed() -> DemoState:
    """Make what is missing of the demo, and remember it in the DEMO_FILE.

    Everything is made in one transaction, the file before its end: a file without its rows is
    written anew the next time. Passwords that the file does not know, because it was deleted or
    belongs to another database, are replaced. What a user of the demo has changed stays.
    Raises ValidationError, when a name that the demo needs is taken by somebody else too.
    """
    known = DemoState.read(settings.DEMO_FILE)
    credential = Credential.objects.with_organization().filter(code=brand.TILL_CODE).first()
    if credential is None:
        state = _make_everything(_port(known))
    elif known is not None and credential.has_password(known.password):
        state = _go_on(known, credential)
    else:
        state = _with_new_passwords(credential, _port(known))
    state.write(settings.DEMO_FILE)
    return state


def _make_everything(port: int) -> DemoState:
    parent = create_organization(brand.PARENT, time_zone=brand.PARENT_ZONE)
    child = create_organization(brand.CHILD, parent=parent, time_zone=brand.CHILD_ZONE)
    _fill(parent, brand.STORES, brand.CUSTOMERS)
    _fill(child, brand.STORES_OF_CHILD, brand.CUSTOMERS_OF_CHILD)
    new = create_credential(
        parent, brand.TILL_CODE, name="Demo till", webhooks=Access.WRITE, events=True
    )
    of_child = _child_credential(child)
    users = {
        user.username: create_user(
            parent, user.username, webhooks=user.access, events=user.access.may_write
        ).password
        for user in brand.USERS
    }
    return DemoState(
        organization=parent.pk,
        code=new.credential.code,
        password=new.issued.password,
        child_code=of_child.credential.code,
        child_password=of_child.issued.password,
        users=users,
        webhook_ids=_webhooks(new.credential, port),
        receiver_port=port,
    )


def _child_credential(child: Organization) -> NewCredential:
    return create_credential(child, brand.CHILD_TILL_CODE, name="Demo till in Dubai", events=True)


def _go_on(known: DemoState, credential: Credential) -> DemoState:
    port = _port(known)
    return replace(known, webhook_ids=_webhooks(credential, port), receiver_port=port)


def _with_new_passwords(credential: Credential, port: int) -> DemoState:
    organization = credential.organization
    child = Credential.objects.get(
        code=brand.CHILD_TILL_CODE, organization__parent_id=organization.pk
    )
    issued, issued_to_child = credential.renew_secrets(), child.renew_secrets()
    credential.save()
    child.save()
    return DemoState(
        organization=organization.pk,
        code=credential.code,
        password=issued.password,
        child_code=child.code,
        child_password=issued_to_child.password,
        users=_renewed_users(organization),
        webhook_ids=_webhooks(credential, port),
        receiver_port=port,
    )


def _renewed_users(organization: Organization) -> dict[str, str]:
    """New passwords of those of the demo's users who are still members there."""
    passwords = {}
    members = Membership.objects.for_organization(organization).select_related("user")
    for member in members.filter(user__username__in=[user.username for user in brand.USERS]):
        password = get_random_string(GENERATED_PASSWORD_LENGTH)
        member.user.set_password(password)
        member.user.save(update_fields=["password"])
        passwords[member.user.get_username()] = password
    return passwords


def _fill(
    organization: Organization,
    stores: tuple[brand.StoreData, ...],
    customers: tuple[brand.CustomerData, ...],
) -> None:
    for store_data in stores:
        store = Store.objects.create(
            organization=organization,
            store_id=store_data.store_id,
            code=store_data.code,
            name=store_data.name,
            external_id=store_data.external_id,
        )
        Till.objects.bulk_create(
            Till(organization=organization, till_id=till_id, code=code, name=code, store=store)
            for till_id, code in store_data.tills.items()
        )
    for customer_data in customers:
        customer = Customer.objects.create(
            organization=organization,
            customer_id=customer_data.customer_id,
            points_balance=customer_data.points_balance,
        )
        CustomerIdentifier.objects.bulk_create(_identifiers(customer, customer_data))


def _identifiers(customer: Customer, known: brand.CustomerData) -> list[CustomerIdentifier]:
    instore, we_chat = PAYLOAD_KEYS["Instore"], PAYLOAD_KEYS["WeChat"]
    values = [
        (instore, "", "mobile", known.mobile),
        (instore, "", "email", known.email),
        (instore, "", "externalId", known.external_id),
        *((instore, "", "cardNumber", number) for number in known.card_numbers),
    ]
    if known.we_chat:
        open_id, union_id = known.we_chat
        account = brand.WE_CHAT_ACCOUNT
        values += [
            (we_chat, account, "wechat", open_id),
            (we_chat, account, "unionId", union_id),
        ]
    return [
        CustomerIdentifier(
            customer=customer, source=source, account_id=account_id, kind=kind, value=value
        )
        for source, account_id, kind, value in values
    ]


# --- Webhooks ------------------------------------------------------------------------------


def receiver_url(port: int, path: str) -> str:
    return f"http://{RECEIVER_HOST}:{port}{path}"


def _webhooks(credential: Credential, port: int) -> dict[str, str]:
    return {
        planned.name: _webhook(planned, credential, port).public_id for planned in brand.WEBHOOKS
    }


def _webhook(planned: brand.DemoWebhook, credential: Credential, port: int) -> Webhook:
    """It leads to the receiver's port unless somebody has turned it elsewhere."""
    organization = credential.organization
    stored = Webhook.objects.for_organization(organization).filter(name=planned.name).first()
    if stored is not None and not _leads_to_another_port(stored.url, port, planned.path):
        return stored
    draft = _new_draft(planned, organization) if stored is None else Draft.of(stored)
    draft.webhook.url = receiver_url(port, planned.path)
    draft.clean()
    return draft.save(Caller.with_credential(credential))


def _new_draft(planned: brand.DemoWebhook, organization: Organization) -> Draft:
    webhook = Webhook(
        organization=organization,
        name=planned.name,
        description=planned.description,
        max_connections=20,
        **planned.settings,
    )
    headers = [("Authorization", f"Bearer {secrets.token_urlsafe(24)}")]
    return Draft(webhook, headers, list(planned.event_names))


def _leads_to_another_port(url: str, port: int, path: str) -> bool:
    """Whether the URL is that of the receiver at an earlier start."""
    parts = urlsplit(url)
    is_ours = (parts.hostname, parts.path) == (RECEIVER_HOST, path)
    return is_ours and parts.port != port


def _port(known: DemoState | None) -> int:
    """That of the last start if it is free, else the first free one after the web's own."""
    web = settings.PORT
    candidates: list[int] = [known.receiver_port] if known else []
    candidates += range(web + 1, min(web + PORTS_TRIED, 65536))
    for port in candidates:
        if port != web and _is_free(port):
            return port
    with socket.create_server((RECEIVER_HOST, 0)) as listener:
        any_port: int = listener.getsockname()[1]
        return any_port


def _is_free(port: int) -> bool:
    try:
        socket.create_server((RECEIVER_HOST, port)).close()
    except (OSError, OverflowError):
        return False
    return True
