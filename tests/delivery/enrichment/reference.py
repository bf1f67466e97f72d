"""The facts as rows of an organisation's reference data."""

from organizations.models import Customer, CustomerIdentifier, Organization, Store, Till
from tests.delivery.enrichment import facts


def load(organization: Organization, name: str = facts.TILL.name) -> None:
    store = Store.objects.create(
        organization=organization,
        store_id=facts.STORE.store_id,
        code=facts.STORE.code,
        name=facts.STORE.name,
        external_id=facts.STORE.external_id,
    )
    Till.objects.create(
        organization=organization,
        till_id=facts.TILL_ID,
        code=facts.TILL.code,
        name=name,
        store=store,
    )
    customer = Customer.objects.create(
        organization=organization,
        customer_id=facts.CUSTOMER_ID,
        points_balance=facts.CUSTOMER.points_balance,
    )
    CustomerIdentifier.objects.bulk_create(
        CustomerIdentifier(customer=customer, **identifier._asdict())
        for identifier in facts.CUSTOMER.identifiers
    )
