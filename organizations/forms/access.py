"""What all forms say of access: one name and one control for the same thing."""

from django.forms import RadioSelect

ACCESS_FIELDS = ["webhooks_access", "may_write_events"]
ACCESS_LABELS = {"webhooks_access": "Access to Webhooks", "may_write_events": "May publish events"}
ACCESS_WIDGETS = {"webhooks_access": RadioSelect}
