import django.db.models.deletion
from django.db import migrations, models

from delivery import tally


def count_what_is_there(apps, schema_editor):
    """The rows of before: what the engine would have counted. It reads and writes by the names
    of columns that this migration knows."""
    if apps.get_model("delivery", "Delivery").objects.exists():
        tally.recount()


class Migration(migrations.Migration):

    dependencies = [
        ('delivery', '0001_initial'),
        ('events', '0001_initial'),
        ('webhooks', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('hour', models.DateTimeField()),
                ('what', models.CharField(max_length=16)),
                ('shard', models.SmallIntegerField()),
                ('count', models.BigIntegerField()),
                ('total_ms', models.FloatField(default=0)),
            ],
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state__in', ('retrying', 'failed', 'blocked', 'expired', 'quarantined', 'cancelled'))), fields=['state', 'ingested_at', 'event', 'webhook'], name='delivery_unhappy'),
        ),
        migrations.AddField(
            model_name='tally',
            name='webhook',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tallies', to='webhooks.webhook'),
        ),
        migrations.AddIndex(
            model_name='tally',
            index=models.Index(condition=models.Q(('what__in', ('failed', 'blocked', 'expired', 'quarantined'))), fields=['webhook', 'hour'], name='tally_of_failures'),
        ),
        migrations.AddIndex(
            model_name='tally',
            index=models.Index(fields=['hour'], name='tally_by_hour'),
        ),
        migrations.AddConstraint(
            model_name='tally',
            constraint=models.UniqueConstraint(fields=('webhook', 'hour', 'what', 'shard'), name='tally_unique'),
        ),
        migrations.RunPython(count_what_is_there, migrations.RunPython.noop),
    ]
