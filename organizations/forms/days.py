"""Days and moments that people choose, in the reader's time zone."""

import datetime as dt

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

EARLIEST, LATEST = 2000, 2999  # far from the ends of the calendar


def validate_year(day: dt.date) -> None:
    """Of a date or a moment: neither is so far that calculating with it leaves the calendar."""
    if not EARLIEST <= day.year <= LATEST:
        raise ValidationError(f"Use a year from {EARLIEST} to {LATEST}.", "too_far")


class DayField(forms.DateField):
    """None when it is not given."""

    default_validators = [validate_year]

    def __init__(self, label: str) -> None:
        super().__init__(
            label=label,
            required=False,
            input_formats=["%Y-%m-%d"],
            error_messages={"invalid": "Use a date, such as 2026-03-31."},
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        )


def midnight(day: dt.date) -> dt.datetime:
    """With which the day begins."""
    return dt.datetime.combine(day, dt.time(), timezone.get_current_timezone())
