"""What enrichment looks up: tills, stores, customers, with the ids that events carry."""

from django.db import models

from organizations.models.organization import Organization, OrganizationOwnedQuerySet


class Store(models.Model):
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="stores")
    store_id = models.BigIntegerField()
    code = models.CharField(max_length=200)
    name = models.CharField(max_length=200, blank=True)
    external_id = models.CharField(max_length=200, blank=True)
    external_id_1 = models.CharField(max_length=200, blank=True)
    external_id_2 = models.CharField(max_length=200, blank=True)

    objects = OrganizationOwnedQuerySet["Store"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "store_id"], name="store_id_unique")
        ]

    def __str__(self) -> str:
        return self.code


class Till(models.Model):
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="tills")
    till_id = models.BigIntegerField()
    code = models.CharField(max_length=200)
    name = models.CharField(max_length=200, blank=True)
    store = models.ForeignKey(Store, models.SET_NULL, null=True, blank=True, related_name="tills")

    objects = OrganizationOwnedQuerySet["Till"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "till_id"], name="till_id_unique")
        ]

    def __str__(self) -> str:
        return self.code


class Customer(models.Model):
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="customers")
    customer_id = models.BigIntegerField()
    points_balance = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)

    objects = OrganizationOwnedQuerySet["Customer"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "customer_id"], name="customer_id_unique"
            )
        ]

    def __str__(self) -> str:
        return str(self.customer_id)


class CustomerIdentifier(models.Model):
    """One identifier of a customer in one source (`instore`, `wechat`, …).

    In `instore` the kinds are mobile, email, externalId and cardNumber, and the account is empty.
    """

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="identifiers")
    source = models.CharField(max_length=40)
    account_id = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=100)
    value = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "source", "account_id", "kind", "value"],
                name="customer_identifier_unique",
            )
        ]
        indexes = [models.Index(fields=["value"], name="customer_identifier_value")]

    def __str__(self) -> str:
        return f"{self.source} {self.kind}"
