"""The states of a delivery, and what they have in common."""

from django.db import models


class State(models.TextChoices):
    PENDING = "pending", "Pending"
    IN_FLIGHT = "in_flight", "In flight"
    RETRYING = "retrying", "Retrying"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"
    BLOCKED = "blocked", "Blocked"
    EXPIRED = "expired", "Expired"
    QUARANTINED = "quarantined", "Quarantined"
    CANCELLED = "cancelled", "Cancelled"


WAITING = (State.PENDING, State.RETRYING)
OPEN = (*WAITING, State.IN_FLIGHT)
FINAL = tuple(state for state in State if state not in OPEN)
# What may be made again: it has ended, or waits after an attempt that failed.
REPLAYABLE = (*FINAL, State.RETRYING)
UNDELIVERED = tuple(state for state in FINAL if state is not State.DELIVERED)
FAILED = tuple(state for state in UNDELIVERED if state is not State.CANCELLED)
# What went wrong, now or in the end: rare where all is well, and what people look for.
UNHAPPY = (State.RETRYING, *UNDELIVERED)
# An SLA is of success: a final failure breaches it too, when its moment comes.
UNSUCCESSFUL = tuple(state for state in State if state not in (State.DELIVERED, State.CANCELLED))
