"""The standard event types: name, group, description, JSON Schema and sample of each.

All of it is read from `schemas/` and `samples/` beside this module, each file when it is first
asked for. A schema file may refer to others; what is handed out stands alone.
"""

import dataclasses
import functools
import json
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from events import json_schema

_HERE: Final = Path(__file__).parent

# The order in which the types are shown, group by group.
_NAMES: Final = (
    "customerAdded",
    "customerUpdated",
    "customerSubscription",
    "groupCreated",
    "groupUpdated",
    "groupMemberRemoved",
    "groupMemberAdded",
    "pointsContributionToGroup",
    "transactionAdded",
    "transactionUpdated",
    "notInterestedBillAdded",
    "transactionRejected",
    "rejectedTransactionRetrigger",
    "retroBillAdded",
    "targetAchievedValueUpdated",
    "targetValueAchieved",
    "targetPeriodCompleted",
    "targetValueUpdated",
    "unifiedTargetsAchieved",
    "unifiedTargetsUnAchieved",
    "targetCustomerEnrolment",
    "targetPeriodStarted",
    "streakLevelAchieved",
    "streakLevelUnAchieved",
    "streakCustomerEnrolment",
    "streakCustomerUnEnrolment",
    "streakStart",
    "streakEnd",
    "targetCustomerUnenrolment",
    "pointsIssued",
    "pointsRedeemed",
    "promisedToCurrentPointsConversion",
    "pointsExpired",
    "pointsExpiryReminder",
    "pointsTransferredInitiated",
    "pointsTransferredReceived",
    "redeemedPointsReversed",
    "singlePointsExpiryUpdated",
    "issuedPointsReversed",
    "manualPointsAdjustment",
    "pointsExpiryChange",
    "alternateCurrenciesIssued",
    "issuedAlternateCurrenciesReversed",
    "promisedToCurrentAlternateCurrencyConversion",
    "loyaltyCustomerMerge",
    "promotionCreated",
    "promotionUpdated",
    "promotionIssued",
    "promotionEarned",
    "revokeIssuedPromotion",
    "revokeEarnedPromotion",
    "cartPromotionIssued",
    "cartPromotionRedeemed",
    "cartPromotionRevoked",
    "cartPromotionEarned",
    "tierUpgraded",
    "tierRenewed",
    "tierDowngraded",
    "tierDowngradeReminder",
    "partnerProgramLinked",
    "partnerProgramUpdated",
    "partnerProgramDelinked",
    "supplementaryMembershipExpiryReminder",
    "PP_EXPIRY_JOB",
    "rewardCreated",
    "rewardIssued",
    "rewardUpdated",
    "issueRewardFailure",
    "rewardExpiryReminder",
    "updateRewardTransaction",
    "CouponIssue",
    "CouponRedeem",
    "IssueBulkCoupon",
    "badgeEarned",
    "cardUpdated",
    "requestUpdated",
    "requestWorkflowEvent",
    "communicationMessageUndelivered",
)


@dataclasses.dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A standard event type; the description tells when it is sent."""

    name: str
    group: str
    description: str


class _Catalogue(Mapping[str, CatalogueEntry]):
    """The entries by name, in the order in which they are shown."""

    def __getitem__(self, name: str) -> CatalogueEntry:
        return _entry(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


CATALOGUE: Final[Mapping[str, CatalogueEntry]] = _Catalogue()


def standard_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of the whole event, without any `$ref`; the caller's own copy.

    Raises KeyError for a name that is not in the catalogue.
    """
    schema: dict[str, Any] = json.loads(_schema_text(name))
    return schema


@functools.cache
def standard_validator(name: str) -> json_schema.CompiledSchema:
    """The compiled schema of the type. Raises KeyError."""
    return json_schema.compiled(standard_schema(name))


def standard_sample(name: str) -> dict[str, Any]:
    """An example event of the type, with its envelope; the caller's own copy. Raises KeyError."""
    sample: dict[str, Any] = json.loads(standard_sample_text(name))
    return sample


@functools.cache
def standard_sample_text(name: str) -> str:
    """The example as it stands in its file: order of keys and spelling of numbers. KeyError."""
    _check_known(name)
    return (_HERE / "samples" / f"{name}.json").read_text(encoding="utf-8")


def _check_known(name: str) -> None:
    if name not in _NAMES:
        raise KeyError(name)


@functools.cache
def _entry(name: str) -> CatalogueEntry:
    _check_known(name)
    schema = _file(f"{name}.json")
    return CatalogueEntry(name, schema["group"], schema["description"])


@functools.cache
def _schema_text(name: str) -> str:
    _check_known(name)
    return json.dumps(_resolved(_file(f"{name}.json"), ""), ensure_ascii=False)


@functools.cache
def _file(path: str) -> dict[str, Any]:
    """A schema file as it is; shared, never handed out."""
    content: dict[str, Any] = json.loads((_HERE / "schemas" / path).read_text(encoding="utf-8"))
    return content


@functools.cache
def _part(path: str) -> dict[str, Any]:
    """A shared part, resolved, to stand inside of another schema."""
    part: dict[str, Any] = _resolved(_file(path), posixpath.dirname(path))
    del part["$schema"]
    return part


def _resolved(schema: Any, folder: str) -> Any:
    """The schema with the content of the files in place of the `$ref`s that lead to them."""
    if isinstance(schema, list):
        return [_resolved(member, folder) for member in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return _part(posixpath.normpath(posixpath.join(folder, schema["$ref"])))
    return {key: _resolved(member, folder) for key, member in schema.items()}
