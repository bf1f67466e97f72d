"""Finds reference data, by what people know of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from organizations.models import Customer, CustomerIdentifier, Organization, Store, Till
from organizations.reference_formats import INSTORE, WrongCell, whole_number

MAX_CUSTOMERS = 1_000  # that share an identifier and are listed


def found(organization: Organization, kind: str, text: str) -> "QuerySet[Any]":
    """Of that kind, in order: with any text in codes and names, or with all of an id or identifier.

    An empty text finds everything.
    """
    if kind == "tills":
        return _tills(organization, text)
    if kind == "stores":
        return _stores(organization, text)
    return _customers(organization, text)


def _tills(organization: Organization, text: str) -> QuerySet[Till]:
    tills = Till.objects.for_organization(organization).select_related("store")
    if text:
        same_id = _has_id(text, "till_id", "store__store_id")
        tills = tills.filter(Q(code__icontains=text) | Q(name__icontains=text) | same_id)
    return tills.order_by("code", "till_id")


def _stores(organization: Organization, text: str) -> QuerySet[Store]:
    stores = Store.objects.for_organization(organization)
    if text:
        external = Q(external_id=text) | Q(external_id_1=text) | Q(external_id_2=text)
        named = Q(code__icontains=text) | Q(name__icontains=text)
        stores = stores.filter(named | external | _has_id(text, "store_id"))
    return stores.annotate(tills_count=Count("tills")).order_by("code", "store_id")


def _customers(organization: Organization, text: str) -> QuerySet[Customer]:
    customers = Customer.objects.for_organization(organization)
    if text:
        # Two indexes instead of one condition that none of them can serve.
        known = CustomerIdentifier.objects.filter(value=text, customer__organization=organization)
        keys = list(known.values_list("customer_id", flat=True)[:MAX_CUSTOMERS])
        customers = customers.filter(Q(pk__in=keys) | _has_id(text, "customer_id"))
    return customers.prefetch_related("identifiers").order_by("customer_id")


def _has_id(text: str, *fields: str) -> Q:
    try:
        number = whole_number(text)
    except WrongCell:
        return Q(pk__in=[])
    condition = Q()
    for field in fields:
        condition |= Q(**{field: number})
    return condition


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer with what they are known by, as the list shows it."""

    customer: Customer
    mobile: str
    email: str
    external_id: str
    card_numbers: Sequence[str]
    others: Sequence[str]

    @property
    def points(self) -> str:
        """As people write it: 1,240.5. Empty when unknown."""
        balance = self.customer.points_balance
        return "" if balance is None else f"{balance:,.4f}".rstrip("0").rstrip(".")

    @classmethod
    def of(cls, customer: Customer) -> "CustomerRow":
        instore: dict[str, list[str]] = {}
        others = []
        for one in customer.identifiers.all():
            if one.source == INSTORE:
                instore.setdefault(one.kind, []).append(one.value)
            else:
                others.append(f"{one.source} {one.account_id} {one.kind}: {one.value}")
        return cls(
            customer=customer,
            mobile=", ".join(instore.get("mobile", ())),
            email=", ".join(instore.get("email", ())),
            external_id=", ".join(instore.get("externalId", ())),
            card_numbers=sorted(instore.get("cardNumber", ())),
            others=sorted(others),
        )
