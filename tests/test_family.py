"""Parent and child: Alice of the parent, Charlie of a child of it, Bob elsewhere.

A parent sees what came to its own webhooks of its children's events, and whose it is; of a
child's other events, webhooks, members, credentials and log nothing. A child sees nothing of its
parent.
"""

from typing import Any

import pytest
from django.urls import reverse

from delivery.intake import ingest
from delivery.models import Delivery, State
from events.models import Event, EventType
from organizations.models import Access, Organization
from tests.conftest import CredentialClient, PageClient, member
from tests.endpoints import METHODS, api_endpoints
from tests.factories import CredentialFactory, DeliveryFactory, OrganizationFactory, WebhookFactory
from tests.page_forms import objects_of
from tests.test_pages import PAGES
from tests.test_pages import rows as all_rows
from tests.test_tenants import BODY, rows
from webhooks.models import Webhook

pytestmark = pytest.mark.django_db

NAME = "transactionAdded"
PARENT, CHILD = "Tamarind Group", "Tamarind Express"
WITH_IDS = [page for page in PAGES if page.parameters]
LISTS = [page for page in PAGES if not page.parameters and page.is_shown]
API_WITH_IDS = [endpoint for endpoint in api_endpoints() if endpoint.parameters]


@pytest.fixture
def parent(db: None) -> Organization:
    made: Organization = OrganizationFactory(name=PARENT)
    return made


@pytest.fixture
def child(parent: Organization) -> Organization:
    made: Organization = OrganizationFactory(name=CHILD, parent=parent)
    return made


@pytest.fixture
def alice(parent: Organization) -> PageClient:
    return member(parent, "alice", Access.WRITE)


@pytest.fixture
def charlie(child: Organization) -> PageClient:
    return member(child, "charlie", Access.WRITE)


@pytest.fixture
def bob(db: None) -> PageClient:
    return member(OrganizationFactory(name="Bob's Bikes"), "bob", Access.WRITE)


def api_of(client: PageClient) -> CredentialClient:
    return CredentialClient(CredentialFactory(organization=client.organization))


def everything_of(organization: Organization) -> dict[str, Any]:
    """Objects of it, none of which anybody else has a part in, by the names that URLs have."""
    ids = objects_of(organization)
    event = Event.objects.get(pk=ids["event_row_id"])
    webhook = Webhook.objects.get(public_id=ids["public_id"])
    Webhook.objects.filter(pk=webhook.pk).update(name=f"only-{webhook.pk}")
    return {
        **ids,
        "consumer_group_id": webhook.consumer_group_id,
        "event_id": event.event_id,
        "ref_id": event.ref_id,
        "request_id": event.request_id,
    }


# --- What is only the other's ----------------------------------------------------------------


def test_a_child_sees_no_page_of_its_parent(charlie: PageClient, parent: Organization) -> None:
    ids = everything_of(parent)
    before = all_rows()
    for page in WITH_IDS:
        for method in ("get", "post"):
            answer = getattr(charlie, method)(page.url(ids))
            assert answer.status_code in {404, 405}, (page, method)
    assert all_rows() == before


def test_a_parent_sees_no_page_of_its_child_but_its_types(
    alice: PageClient, child: Organization
) -> None:
    ids = everything_of(child)
    before = all_rows()
    for page in WITH_IDS:
        allowed = {200} if page.name == "event-type-detail" else {404, 405}
        assert alice.get(page.url(ids)).status_code in allowed, page
        assert alice.post(page.url(ids)).status_code in {404, 405}, page
    assert all_rows() == before


@pytest.mark.parametrize("of_parent", [True, False])
def test_neither_reaches_the_others_objects_by_the_api(
    of_parent: bool, alice: PageClient, charlie: PageClient
) -> None:
    theirs, asker = (alice, charlie) if of_parent else (charlie, alice)
    ids = everything_of(theirs.organization)
    api = api_of(asker)
    before = rows()
    group = f"?consumerGroupId={ids['consumer_group_id']}"
    for endpoint in API_WITH_IDS:
        for method in METHODS:
            for url in (endpoint.url(ids), endpoint.url(ids) + group):
                answer = getattr(api, method.lower())(url, BODY)
                assert answer.status_code in {400, 404, 405}, (endpoint, method, answer.content)
    assert rows() == before


@pytest.mark.parametrize("of_parent", [True, False])
def test_lists_show_ones_own_only(of_parent: bool, alice: PageClient, charlie: PageClient) -> None:
    theirs, asker = (alice, charlie) if of_parent else (charlie, alice)
    ids = everything_of(theirs.organization)
    webhook = Webhook.objects.get(public_id=ids["public_id"])
    marks = [webhook.name, ids["event_id"], ids["request_id"], "zoe@bakery.example"]
    if of_parent:
        marks.append(PARENT)
    other = f"?child={theirs.organization.pk}&q={ids['ref_id']}"
    for page in LISTS:
        for url in (page.url({}), page.url({}) + other):
            shown = asker.get(url).content.decode().replace(ids["ref_id"], "")
            assert [mark for mark in marks if mark in shown] == [], url


# --- What came to the parent -----------------------------------------------------------------


@pytest.fixture
def shared(parent: Organization, child: Organization) -> Event:
    """An event of the child that a webhook of each of the two got; and one that the child's alone
    did."""
    WebhookFactory(organization=parent, name="Group-wide", listen_to_child_events=True)
    WebhookFactory(organization=parent, name="Deaf")
    WebhookFactory(organization=child, name="Express-own", events=[NAME, "customerAdded"])
    bodies = [
        {"eventName": NAME, "eventId": "shared", "data": {"amount": 1}, "refId": "ref"},
        {"eventName": "customerAdded", "eventId": "own", "data": {}, "refId": "ref"},
    ]
    ingest(bodies, organization=child, request_id="req", received_from="till.of.express")
    return Event.objects.get(event_id="shared")


def delivery_to(name: str, event: Event) -> Delivery:
    return Delivery.objects.get(webhook__name=name, event=event)


def shown(client: PageClient, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return str(answer.content.decode())


def test_a_parent_sees_the_event_that_came_to_its_webhook_and_whose_it_is(
    alice: PageClient, shared: Event
) -> None:
    delivery = delivery_to("Group-wide", shared)
    for url in (
        reverse("event-detail", args=[shared.pk]),
        reverse("delivery-detail", args=[delivery.pk]),
        reverse("webhook-detail", args=[delivery.webhook.public_id]),
    ):
        html = shown(alice, url)
        assert CHILD in html
        assert "Express-own" not in html
        assert "till.of.express" not in html
    assert alice.get(reverse("event-payload", args=[shared.pk])).status_code == 200
    theirs = delivery_to("Express-own", shared)
    assert alice.get(reverse("delivery-detail", args=[theirs.pk])).status_code == 404
    own = Event.objects.get(event_id="own")
    assert alice.get(reverse("event-detail", args=[own.pk])).status_code == 404
    assert alice.get(reverse("event-payload", args=[own.pk])).status_code == 404


def test_the_parents_feed_shows_a_childs_events_when_asked_and_those_that_came_to_it_alone(
    alice: PageClient, charlie: PageClient, bob: PageClient, shared: Event, child: Organization
) -> None:
    row, own = f"event-{shared.pk.hex}", f"event-{Event.objects.get(event_id='own').pk.hex}"
    feed = reverse("event-list")
    assert row not in shown(alice, feed)
    for asked in ("", "&state=pending", f"&type={NAME}", "&q=shared", "&q=ref"):
        html = shown(alice, f"{feed}?child={child.pk}{asked}")
        assert row in html, asked
        assert own not in html
        assert "0 of 1" in html
    assert own not in shown(alice, f"{feed}?child={child.pk}&type=customerAdded")
    assert "Organization" in shown(alice, feed)
    for stranger in (charlie, bob):
        html = shown(stranger, f"{feed}?child={child.pk}")
        assert "There is no such organization under this one." in html
        assert row not in html
        assert 'name="child"' not in shown(stranger, feed)
    html = shown(charlie, feed)
    assert row in html
    assert own in html
    news = f"{reverse('event-news')}?child={child.pk}&after=&shown=0"
    html = alice.get(news, headers={"HX-Request": "true"}).content.decode()
    assert row in html
    assert own not in html


def test_a_child_sees_of_its_event_what_its_own_webhooks_got(
    charlie: PageClient, bob: PageClient, shared: Event
) -> None:
    html = shown(charlie, reverse("event-detail", args=[shared.pk]))
    assert "Express-own" in html
    assert "Group-wide" not in html
    assert "1 webhook" in html
    theirs = delivery_to("Group-wide", shared)
    assert charlie.get(reverse("delivery-detail", args=[theirs.pk])).status_code == 404
    for event in Event.objects.all():
        assert bob.get(reverse("event-detail", args=[event.pk])).status_code == 404


@pytest.mark.both_databases
def test_the_logs_of_the_api_show_each_its_own_webhooks(
    alice: PageClient, charlie: PageClient, bob: PageClient, shared: Event
) -> None:
    groups = {w.name: str(w.consumer_group_id) for w in Webhook.objects.all()}
    paths = [f"/v3/webHooks/eventLog/{path}" for path in ("shared", "requestId/req", "refId/ref")]
    expected = {
        alice: [["Group-wide"]] * 3,
        charlie: [["Express-own"], ["Express-own"] * 2, ["Express-own"] * 2],
    }
    for client, names in expected.items():
        api = api_of(client)
        for path, wanted in zip(paths, names, strict=True):
            data = api.get(path).json()["data"]
            entries = data if isinstance(data, list) else [data]
            assert [entry["consumerGroupId"] for entry in entries] == [groups[n] for n in wanted]
            whose = {entry.get("orgId") for entry in entries}
            assert whose == ({shared.organization_id} if client is alice else {None})
    assert [api_of(bob).get(path).status_code for path in paths] == [404] * 3
    assert api_of(alice).get("/v3/webHooks/eventLog/own").status_code == 404


def test_logs_and_metrics_of_a_group_are_its_organizations(
    alice: PageClient, charlie: PageClient, bob: PageClient, shared: Event
) -> None:
    for name, owner in (("Group-wide", alice), ("Express-own", charlie)):
        group = Webhook.objects.get(name=name).consumer_group_id
        path = f"/v3/events/consumer-groups/{group}"
        for client in (alice, charlie, bob):
            status = 200 if client is owner else 404
            api = api_of(client)
            assert api.get(f"{path}/metrics").status_code == status
            assert api.get(f"{path}/logs").status_code == status
    group = Webhook.objects.get(name="Group-wide").consumer_group_id
    path = f"/v3/events/consumer-groups/{group}"
    api = api_of(alice)
    for asked in ("requestId=req", "eventType=transactionAdded", "status=pending"):
        (entry,) = api.get(f"{path}/logs?{asked}").json()["data"]["logs"]
        assert (entry["eventId"], entry["orgId"]) == ("shared", shared.organization_id)
    assert api.get(f"{path}/metrics").json()["data"]["totalEvents"] == 1


def test_each_replays_and_cancels_what_its_own_webhooks_got(
    alice: PageClient, charlie: PageClient, bob: PageClient, shared: Event
) -> None:
    Delivery.objects.update(state=State.FAILED, next_attempt_at=None, attempts=1)
    groups = {w.name: str(w.consumer_group_id) for w in Webhook.objects.all()}
    path = "/v3/webHooks/eventLog/shared"
    for client, group in ((charlie, "Group-wide"), (alice, "Express-own"), (bob, "Group-wide")):
        for verb in ("replay", "cancel"):
            answer = api_of(client).post(f"{path}/{verb}", {"consumerGroupId": groups[group]})
            assert answer.status_code == 404
    assert not Delivery.objects.filter(is_replay=True).exists()
    for client, group in ((alice, "Group-wide"), (charlie, "Express-own")):
        answer = api_of(client).post(f"{path}/replay", {"consumerGroupId": groups[group]})
        assert answer.status_code == 202, answer.content
    made = Delivery.objects.filter(is_replay=True, event=shared)
    assert sorted(made.values_list("webhook__name", flat=True)) == ["Express-own", "Group-wide"]


def test_a_webhook_that_no_longer_listens_keeps_what_came(
    alice: PageClient, shared: Event, child: Organization
) -> None:
    path = f"/v3/webHooks/{Webhook.objects.get(name='Group-wide').public_id}"
    assert api_of(alice).patch(path, {"listenToChildEvents": False}).status_code == 200
    ingest(
        [{"eventName": NAME, "eventId": "later", "data": {}}],
        organization=child,
        request_id="req",
        received_from="till",
    )
    assert not Delivery.objects.filter(event__event_id="later", webhook__name="Group-wide").exists()
    assert CHILD in shown(alice, reverse("event-detail", args=[shared.pk]))


def test_a_sibling_sees_nothing(parent: Organization, shared: Event) -> None:
    dora = member(OrganizationFactory(name="Sibling", parent=parent), "dora", Access.WRITE)
    assert dora.get(reverse("event-detail", args=[shared.pk])).status_code == 404
    assert api_of(dora).get("/v3/webHooks/eventLog/shared").status_code == 404
    for delivery in Delivery.objects.all():
        assert dora.get(reverse("delivery-detail", args=[delivery.pk])).status_code == 404


def test_rows_of_a_log_cost_no_query_each(
    alice: PageClient, shared: Event, child: Organization, django_assert_max_num_queries: Any
) -> None:
    webhook = Webhook.objects.get(name="Group-wide")
    for _ in range(10):
        DeliveryFactory(webhook=webhook, event__organization=child)
    url = reverse("webhook-detail", args=[webhook.public_id]) + "?part=log"
    with django_assert_max_num_queries(15):
        html = shown(alice, url)
    assert html.count(f"of {CHILD}") == 11


# --- Types -----------------------------------------------------------------------------------

OWN = "beansRoasted"
SUBSCRIPTION = {
    "name": "Beans",
    "eventNames": [OWN],
    "webHookUrl": "https://receiver.example.com/",
    "maxAllowedConnections": 1,
}


@pytest.fixture
def childs_type(child: Organization) -> EventType:
    made: EventType = EventType.objects.create(
        organization=child, name=OWN, description="A roast.", schema={"type": "object"}
    )
    return made


@pytest.mark.both_databases
def test_a_webhook_that_listens_may_subscribe_to_a_childs_type_and_gets_its_events(
    alice: PageClient, child: Organization, childs_type: EventType
) -> None:
    api = api_of(alice)
    answer = api.post("/v3/webHooks", SUBSCRIPTION)
    (error,) = answer.json()["errors"]
    assert (error["code"], error["field"]) == (51008, "eventNames[0]")
    assert f"{OWN} is of {CHILD}" in error["message"]

    answer = api.post("/v3/webHooks", SUBSCRIPTION | {"listenToChildEvents": True})
    assert answer.status_code == 200, answer.content
    ingest([{"eventName": OWN, "data": {}}], organization=child, request_id="r", received_from="t")
    assert Webhook.objects.get().deliveries.count() == 1
    answer = api.post("/v3/events", {"eventName": OWN, "data": {}})
    assert answer.status_code in {400, 403}  # the parent has no such type itself


def test_types_that_are_no_childs_can_not_be_subscribed_to(
    alice: PageClient, charlie: PageClient, bob: PageClient, childs_type: EventType
) -> None:
    listening = SUBSCRIPTION | {"listenToChildEvents": True}
    EventType.objects.create(organization=alice.organization, name="ofParent", schema={})
    of_parent = listening | {"eventNames": ["ofParent"]}
    assert api_of(charlie).post("/v3/webHooks", of_parent).status_code == 400
    assert api_of(bob).post("/v3/webHooks", listening).status_code == 400
    childs_type.active = False
    childs_type.save()
    assert api_of(alice).post("/v3/webHooks", listening).status_code == 400


def test_picker_and_catalogue_say_whose_a_type_is(
    alice: PageClient, charlie: PageClient, parent: Organization, childs_type: EventType
) -> None:
    other = OrganizationFactory(name="Tamarind Ltd", parent=parent)
    EventType.objects.create(organization=other, name=OWN, schema={})
    whose = f"Of {CHILD}, Tamarind Ltd"
    detail = reverse("event-type-detail", args=[OWN])
    for url in (reverse("webhook-add"), reverse("event-type-list"), detail):
        html = shown(alice, url)
        assert OWN in html
        assert whose in html.replace("<dt>Of</dt><dd>", "Of "), url
    assert "A roast." in shown(alice, detail)
    assert f'action="{detail}/active"' not in shown(alice, reverse("event-type-list"))
    before = all_rows()
    for verb in ("switch", "validation", "edit", "delete"):
        answer = alice.post(reverse(f"event-type-{verb}", args=[OWN]), {"active": "false"})
        assert answer.status_code == 404, verb
    assert all_rows() == before
    assert "Tamarind Ltd" not in shown(charlie, detail)


def test_a_type_of_both_is_the_parents_own(
    alice: PageClient, parent: Organization, childs_type: EventType
) -> None:
    EventType.objects.create(organization=parent, name=OWN, description="Ours.", schema={})
    html = shown(alice, reverse("event-type-detail", args=[OWN]))
    assert "Ours." in html
    assert CHILD not in html
