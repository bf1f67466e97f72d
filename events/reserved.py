"""Names that only the service itself gives to events."""

PREFIX = "ens."


def is_reserved(name: str) -> bool:
    """Whether events and types of this name can not come from outside, however it is written."""
    return name.casefold().startswith(PREFIX)
