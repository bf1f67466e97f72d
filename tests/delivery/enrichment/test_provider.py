from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from delivery.checks import check_enrichment_provider
from delivery.enrichment.database import DatabaseProvider
from delivery.enrichment.provider import new_provider
from ens_project.environment import Environment

DEFAULT = "delivery.enrichment.database.DatabaseProvider"


def test_the_default_is_the_database(settings: Any) -> None:
    assert settings.ENRICHMENT_PROVIDER == DEFAULT
    assert isinstance(new_provider(settings.ENRICHMENT_PROVIDER), DatabaseProvider)
    assert check_enrichment_provider() == []


@pytest.mark.parametrize(
    "path",
    [
        "delivery.enrichment.database.Nothing",
        "delivery.nothing.Provider",
        "delivery.enrichment.provider.Store",  # it needs arguments
        "delivery.enrichment.provider.Found",  # it looks nothing up
    ],
)
def test_a_path_that_leads_to_no_provider_is_told_at_start(path: str, settings: Any) -> None:
    settings.ENRICHMENT_PROVIDER = path
    (problem,) = check_enrichment_provider()
    assert "ENS_ENRICHMENT_PROVIDER" in problem.msg
    with pytest.raises(ImproperlyConfigured):
        new_provider(path)


@pytest.mark.parametrize(
    "value", ["nowhere.Provider", "Provider", "delivery.", "a b.c", ".x", ".."]
)
def test_a_module_that_is_not_there_is_a_wrong_value(value: str) -> None:
    environment = Environment({"ENS_ENRICHMENT_PROVIDER": value})
    assert environment.dotted_path("ENS_ENRICHMENT_PROVIDER", DEFAULT) == DEFAULT
    assert len(environment.problems) == 1


def test_a_module_that_is_there_is_taken() -> None:
    environment = Environment({"ENS_ENRICHMENT_PROVIDER": DEFAULT})
    assert environment.dotted_path("ENS_ENRICHMENT_PROVIDER", "") == DEFAULT
    assert environment.problems == []
