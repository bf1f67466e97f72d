"""Amazon SQS, and what speaks its protocol: one signed HTTP request for each message.

SendMessage in the JSON protocol,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, signed
after Signature Version 4, https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html.

Not kombu's transport for SQS: that puts the body into an envelope of its own, so that a receiver
would get another body than the one that is signed. And not boto3's client, which looks for
credentials and settings in the environment, in files and at the host's metadata service.
"""

import datetime as dt
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from requests.structures import CaseInsensitiveDict

from delivery.transport.http import Door
from delivery.transport.origin import Origin, queue_origin
from delivery.transport.queue_message import Message
from delivery.transport.request import Request
from delivery.transport.result import ErrorClass, Result, SendError
from webhooks.queue_url import QueueUrl

TARGET = "AmazonSQS.SendMessage"
_MEDIA_TYPE = "application/x-amz-json-1.0"
_ALGORITHM = "AWS4-HMAC-SHA256"
_DEDUPLICATION_ID = re.compile(r"[!-~]{1,128}")

_NOT_FOUND = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"})
_AUTH_REFUSED = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "IncompleteSignature", "InvalidAccessKeyId"),
        *("InvalidClientTokenId", "InvalidSecurity", "InvalidSignatureException"),
        *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized"),
        *("OptInRequired", "SignatureDoesNotMatch", "UnrecognizedClientException"),
    }
)
_PASSING = frozenset(
    {
        *("InternalError", "InternalFailure", "OverLimit", "RequestExpired", "RequestThrottled"),
        *("ServiceUnavailable", "Throttling", "ThrottlingException", "KmsThrottled"),
    }
)
_BY_STATUS = {
    401: ErrorClass.AUTH_REFUSED,
    403: ErrorClass.AUTH_REFUSED,
    404: ErrorClass.NOT_FOUND,
    408: ErrorClass.UNAVAILABLE,
    429: ErrorClass.UNAVAILABLE,
}


def publish(door: Door, url: QueueUrl, message: Message, timeout_s: float) -> tuple[str, str]:
    """Answers what the queue told of the message, and the peer. Raises SendError."""
    result = door.send(request_for(url, message), timeout_s)
    if result.status is None:
        raise SendError(result.error or ErrorClass.UNREACHABLE, result.detail, result.address)
    answer = _object(result.body)
    if result.status == 200:
        return _message_id(answer, message, result), result.address or ""
    kind, name = _refusal(answer, result)
    detail = f"sending: {name or 'refused'} (HTTP {result.status})"
    raise SendError(kind, detail, result.address)


def request_for(url: QueueUrl, message: Message) -> Request:
    """The request, signed for the moment of the message."""
    origin = queue_origin(url)
    body = json.dumps(_parameters(url, origin, message), ensure_ascii=False).encode()
    request = Request()
    request.method = "POST"
    request.url = f"{origin.scheme}://{origin.authority}/"
    request.headers = _signed_headers(url, origin, message, body)
    request.body = body
    request.origin = origin
    return request


def _parameters(url: QueueUrl, origin: Origin, message: Message) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "QueueUrl": f"{origin.scheme}://{origin.authority}{url.place}",
        "MessageBody": message.body.decode(),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in message.headers.items()
        },
    }
    if url.name.endswith(".fifo"):
        event_id = message.event_id
        if not _DEDUPLICATION_ID.fullmatch(event_id):  # a space is possible in ours
            event_id = hashlib.sha256(event_id.encode()).hexdigest()
        parameters["MessageGroupId"] = url.options.get("group", "ens")
        parameters["MessageDeduplicationId"] = event_id
    return parameters


def _signed_headers(
    url: QueueUrl, origin: Origin, message: Message, body: bytes
) -> CaseInsensitiveDict[str]:
    moment = dt.datetime.fromtimestamp(message.timestamp_s, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = {
        "content-type": _MEDIA_TYPE,
        "host": origin.authority,
        "x-amz-date": moment,
        "x-amz-target": TARGET,
    }
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(signed)
    headers["authorization"] = authorization(
        signed, body, key=url.user, secret=url.password, region=url.region
    )
    headers["user-agent"] = message.user_agent
    headers["accept-encoding"] = "identity"
    headers["content-length"] = str(len(body))
    return headers


def authorization(
    signed: Mapping[str, str],
    body: bytes,
    *,
    key: str,
    secret: str,
    region: str,
    service: str = "sqs",
) -> str:
    """The header of that name for a POST to `/`.

    `signed` are headers in alphabetic order, their names in small letters, x-amz-date among them.
    """
    moment, names = signed["x-amz-date"], ";".join(signed)
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signing_key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.digest(signing_key, text.encode(), "sha256").hex()
    return f"{_ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"


def _object(body: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _message_id(answer: dict[str, Any], message: Message, result: Result) -> str:
    """A 200 of anything else than a queue that has these very bytes is no acknowledgement."""
    digest = hashlib.md5(message.body, usedforsecurity=False).hexdigest()
    if answer.get("MD5OfMessageBody") != digest or not isinstance(answer.get("MessageId"), str):
        detail = "sending: the answer is not that of SQS, or of another message"
        raise SendError(ErrorClass.INVALID_RESPONSE, detail, result.address)
    return f"message {answer['MessageId'][:100]}"


def _refusal(answer: dict[str, Any], result: Result) -> tuple[ErrorClass, str]:
    """What the error means, and its name."""
    status = result.status or 0
    name = str(answer.get("__type", "")).rpartition("#")[2][:80]
    for kind, names in (
        (ErrorClass.NOT_FOUND, _NOT_FOUND),
        (ErrorClass.AUTH_REFUSED, _AUTH_REFUSED),
        (ErrorClass.UNAVAILABLE, _PASSING),
    ):
        if name in names:
            return kind, name
    if 400 <= status < 500:
        return _BY_STATUS.get(status, ErrorClass.REJECTED), name
    return ErrorClass.UNAVAILABLE, name
