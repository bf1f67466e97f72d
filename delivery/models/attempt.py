from django.db import models

from delivery.models.delivery import Delivery


class Attempt(models.Model):
    """One request and what came of it. Header lists are JSON texts of [name, value] pairs."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempt_log")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.FloatField()
    address = models.CharField(max_length=64, blank=True)
    request_headers = models.TextField()
    status = models.PositiveSmallIntegerField(null=True)
    response_headers = models.TextField()
    response_body = models.TextField()
    body_truncated = models.BooleanField(default=False)
    error = models.CharField(max_length=20, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"
