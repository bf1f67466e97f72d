import base64

from standardwebhooks import Webhook as Verifier

from webhooks.signing_secrets import new_signing_secret


def test_a_secret_is_32_random_bytes_that_the_standard_library_takes() -> None:
    one, other = new_signing_secret(), new_signing_secret()
    assert one != other
    assert len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) == 32
    Verifier(one)
