from delivery.models.alert import Alert, AlertKind, OperationalWebhook
from delivery.models.attempt import Attempt
from delivery.models.delivery import Delivery
from delivery.models.health import Health
from delivery.models.replay import Replay
from delivery.models.state import (
    FAILED,
    FINAL,
    OPEN,
    REPLAYABLE,
    UNDELIVERED,
    UNHAPPY,
    UNSUCCESSFUL,
    WAITING,
    State,
)
from delivery.models.sweep_leader import SweepLeader
from delivery.models.tally import Tally

__all__ = [
    "FAILED",
    "FINAL",
    "OPEN",
    "REPLAYABLE",
    "UNDELIVERED",
    "UNHAPPY",
    "UNSUCCESSFUL",
    "WAITING",
    "Alert",
    "AlertKind",
    "Attempt",
    "Delivery",
    "Health",
    "OperationalWebhook",
    "Replay",
    "State",
    "SweepLeader",
    "Tally",
]
