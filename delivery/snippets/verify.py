# Python 3.9 or later, without packages.
import base64
import hmac
import time

TOLERANCE_S = 5 * 60


def is_genuine(secret: str, message_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """Whether a request was signed with `secret`, and at most five minutes ago.

    The three texts are the headers webhook-id, webhook-timestamp and webhook-signature, "" for
    one that is missing. `body` is the body as it came, not what a parser made of it.
    """
    try:
        age_s = time.time() - int(timestamp)
    except ValueError:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    if not key or abs(age_s) > TOLERANCE_S:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    # There are several while a secret is rotated: one that fits is enough.
    return any(
        hmac.compare_digest(expected.encode(), signature.encode())
        for signature in signatures.split()
    )


# In a Django view, for example, before the body is parsed:
#
#   if not is_genuine(
#       os.environ["WEBHOOK_SECRET"],
#       request.headers.get("webhook-id", ""),
#       request.headers.get("webhook-timestamp", ""),
#       request.headers.get("webhook-signature", ""),
#       request.body,
#   ):
#       return HttpResponse(status=401)
