"""Numbers as people and scripts write them into parameters."""


def number_of(text: str, most: int) -> int | None:
    """The number from 0 to `most` that plain digits mean; None for anything else."""
    if not (text.isascii() and text.isdigit()):
        return None
    significant = text.lstrip("0") or "0"
    if len(significant) > len(str(most)):  # and `int` refuses very long ones
        return None
    number = int(significant)
    return number if number <= most else None
