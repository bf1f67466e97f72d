from django.urls import re_path

from organizations import api, reference_api

urlpatterns = [
    re_path(r"^oauth/token/generate/?$", api.GenerateToken.as_view(), name="generate-token"),
    re_path(r"^organization/tills/?\Z", reference_api.Tills.as_view(), name="reference-tills"),
    re_path(r"^organization/stores/?\Z", reference_api.Stores.as_view(), name="reference-stores"),
    re_path(
        r"^organization/customers/?\Z",
        reference_api.Customers.as_view(),
        name="reference-customers",
    ),
]
