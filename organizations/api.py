from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from organizations import tokens
from organizations.addresses import caller_site
from organizations.authentication import REALM, credential_with_secret
from organizations.serializers import AccessTokenSerializer, KeyAndSecretSerializer
from organizations.throttles import TOKENS_PER_KEY, TokenThrottle, take


class GenerateToken(GenericAPIView[Any]):
    """A key and secret against a token for the header X-CAP-API-OAUTH-TOKEN.

    Open to everybody: other credentials that the request carries do not matter.
    """

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [TokenThrottle]
    serializer_class = KeyAndSecretSerializer

    def get_authenticate_header(self, request: Request) -> str:
        return REALM  # without one DRF makes a 403 of the 401

    @extend_schema(
        operation_id="generateToken",
        request=KeyAndSecretSerializer,
        responses=AccessTokenSerializer,
    )
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key = serializer.validated_data["key"]
        wait_s = take(f"tokens:{caller_site(request._request)}:{key}", 1, TOKENS_PER_KEY)
        if wait_s is not None:
            raise Throttled(wait_s)
        credential = credential_with_secret(key, serializer.validated_data["secret"])
        if credential is None:
            raise AuthenticationFailed("Wrong key or secret.")
        return Response(
            {"accessToken": tokens.issue(credential), "ttlSeconds": settings.OAUTH_TOKEN_S},
            headers={"Cache-Control": "no-store"},
        )
