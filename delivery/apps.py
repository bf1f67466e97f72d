from django.apps import AppConfig
from django.core import checks


class DeliveryConfig(AppConfig):
    name = "delivery"

    def ready(self) -> None:
        from delivery.checks import check_enrichment_provider, check_mail  # they need the models

        checks.register(check_enrichment_provider)
        checks.register(check_mail, deploy=True)
