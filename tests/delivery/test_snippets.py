"""The snippets of the page Verify signatures, each run by its language on what our signer makes."""

import base64
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from delivery.pages.verify_signatures import SNIPPETS
from delivery.transport.signing import sign, sign_with_keys
from webhooks.signing_secrets import new_signing_secret

DRIVERS = Path(__file__).parent / "snippets"
PATIENCE_S = 120
SECRET, OLD_SECRET = new_signing_secret(), new_signing_secret()
EVENT_ID = "06750c10-dcf1-45de-a0eb-d9c64372feed"
BODIES = [b'{"eventName":"customerAdded"}', '{"a":"é😀"}'.encode(), b"\xff\x00\r\n", b""]
TOOLS = {
    "python": ("python3",),
    "javascript": ("node",),
    "java": ("javac", "java"),
    "csharp": ("mcs", "mono"),
    "php": ("php",),
    "go": ("go",),
}


@dataclass(frozen=True)
class Vector:
    """A request as it came, and whether it is genuine."""

    what: str
    is_genuine: bool
    secret: str
    event_id: str
    timestamp: str
    signatures: str
    body: bytes

    @property
    def line(self) -> str:
        texts = (self.secret, self.event_id, self.timestamp, self.signatures)
        parts = (*(text.encode() for text in texts), self.body)
        return "\t".join(base64.b64encode(part).decode() for part in parts) + "\n"


def vectors(now_s: int) -> Iterator[Vector]:
    body, now = BODIES[0], str(now_s)
    good = sign([SECRET], EVENT_ID, now_s, body)
    both = sign([SECRET, OLD_SECRET], EVENT_ID, now_s, body)

    def vector(what: str, is_genuine: bool, **changes: object) -> Vector:
        fields = {
            "secret": SECRET,
            "event_id": EVENT_ID,
            "timestamp": now,
            "signatures": good,
            "body": body,
        }
        return Vector(what, is_genuine, **{**fields, **changes})  # type: ignore[arg-type]

    def signed_at(what: str, is_genuine: bool, moment_s: int) -> Vector:
        signatures = sign([SECRET], EVENT_ID, moment_s, body)
        return vector(what, is_genuine, timestamp=str(moment_s), signatures=signatures)

    for number, other in enumerate(BODIES):
        signatures = sign([SECRET], EVENT_ID, now_s, other)
        yield vector(f"good {number}", True, body=other, signatures=signatures)
    yield vector("two signatures", True, signatures=both)
    yield vector("two signatures, by the old secret", True, signatures=both, secret=OLD_SECRET)
    yield vector("another version beside it", True, signatures=f"v2,AAAA {good}")
    yield signed_at("four minutes old", True, now_s - 240)
    yield signed_at("a little ahead", True, now_s + 60)
    yield vector("altered body", False, body=body + b" ")
    yield vector("altered id", False, event_id=EVENT_ID[:-1])
    yield vector("altered timestamp", False, timestamp=str(now_s + 1))
    yield vector("wrong secret", False, secret=OLD_SECRET)
    yield signed_at("ten minutes old", False, now_s - 600)
    yield signed_at("ten minutes ahead", False, now_s + 600)
    yield vector("none of two signatures", False, signatures=both, secret=new_signing_secret())
    yield vector("no signature", False, signatures="")
    yield vector("no timestamp", False, timestamp="")
    yield vector("a timestamp of words", False, timestamp="now")
    yield vector("an endless timestamp", False, timestamp="9" * 40)
    yield vector("of another version", False, signatures=good.replace("v1,", "v2,"))
    yield vector("without its version", False, signatures=good.removeprefix("v1,"))
    yield vector("cut", False, signatures=good[:-1])
    yield vector("not ASCII", False, signatures="v1,é")
    of_nothing = sign_with_keys([b""], EVENT_ID, now_s, body)
    yield vector("no secret", False, secret="", signatures=of_nothing)
    yield vector("no secret but its prefix", False, secret="whsec_", signatures=of_nothing)


def prepared(language: str, place: Path) -> list[str]:
    """The command that verifies; compiled where it must be."""
    (snippet,) = [snippet for snippet in SNIPPETS if snippet.key == language]
    target = place / snippet.file_name
    if language == "go":
        target = place / "webhooks" / snippet.file_name
        target.parent.mkdir()
        (place / "go.mod").write_text("module receiver\n\ngo 1.18\n")
    target.write_text(snippet.code)
    for driver in DRIVERS.glob(f"*{target.suffix}"):
        shutil.copy(driver, place)
    match language:
        case "python":
            return ["python3", "-B", "drive.py"]
        case "javascript":
            return ["node", "drive.mjs"]
        case "java":
            run(["javac", "-Xlint:all", "-Werror", "Drive.java", snippet.file_name], place)
            return ["java", "-Xshare:auto", "-cp", ".", "Drive"]
        case "csharp":
            run(["mcs", "-warnaserror", "-out:drive.exe", "Drive.cs", snippet.file_name], place)
            return ["mono", "drive.exe"]
        case "php":
            return ["php", "-d", "error_reporting=-1", "drive.php"]
    run(["go", "vet", "./..."], place)
    return ["go", "run", "."]


def run(command: list[str], place: Path, given: str = "") -> str:
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        command,
        cwd=place,
        input=given,
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
    return done.stdout


@pytest.mark.parametrize("language", [snippet.key for snippet in SNIPPETS])
def test_a_snippet_tells_genuine_requests_from_others(language: str, tmp_path: Path) -> None:
    missing = [tool for tool in TOOLS[language] if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed here")
    command = prepared(language, tmp_path)
    requests = list(vectors(int(time.time())))
    answers = run(command, tmp_path, "".join(request.line for request in requests)).split()
    wrong = [
        request.what
        for request, answer in zip(requests, answers, strict=True)
        if answer != str(request.is_genuine).lower()
    ]
    assert wrong == []


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.key)
def test_a_snippet_compares_in_constant_time_and_needs_no_packages(snippet: object) -> None:
    code = getattr(snippet, "code", "")
    constant_time = {
        *("hmac.compare_digest", "timingSafeEqual", "MessageDigest.isEqual"),
        *("CryptographicOperations.FixedTimeEquals", "hash_equals", "hmac.Equal"),
    }
    assert any(name in code for name in constant_time)
    assert "without packages" in code or "without modules" in code
    assert max(len(line.expandtabs(4)) for line in code.splitlines()) <= 100
