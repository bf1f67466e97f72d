from django.db import models


class SweepLeader(models.Model):
    """The single row that elects the sweeper where the database has no advisory locks."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    holder = models.CharField(max_length=64)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.holder
