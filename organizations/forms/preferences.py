import functools
import zoneinfo
from typing import Any

from django import forms

from organizations.models import Membership, Organization


class OwnTimeZoneForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = Membership
        fields = ["own_time_zone"]
        labels = {"own_time_zone": "Your time zone"}
        help_texts = {"own_time_zone": "In which these pages show times to you."}
        widgets = {"own_time_zone": forms.Select}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        follow = ("", f"As the organization: {self.instance.organization.time_zone}")
        self.fields["own_time_zone"].widget.choices = [follow, *time_zones()]


class OwnAlertsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = Membership
        fields = ["wants_alerts"]
        labels = {"wants_alerts": "E-mail me when a webhook fails"}


class OrganizationTimeZoneForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic
    class Meta:
        model = Organization
        fields = ["time_zone"]
        labels = {"time_zone": "The organization's time zone"}
        help_texts = {
            "time_zone": "Of all members without one of their own, and of times in the API."
        }
        widgets = {"time_zone": forms.Select}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].widget.choices = time_zones()


@functools.cache
def time_zones() -> list[Any]:
    """Choices by region; a zone without a region stands first."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zoneinfo.available_timezones()):
        region, slash, _ = name.partition("/")
        regions.setdefault(region if slash else "", []).append((name, name.replace("_", " ")))
    plain = regions.pop("", [])
    return [*plain, *regions.items()]
