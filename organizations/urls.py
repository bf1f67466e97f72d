from django.urls import re_path

from organizations import api

urlpatterns = [
    re_path(r"^oauth/token/generate/?$", api.GenerateToken.as_view(), name="generate-token"),
]
