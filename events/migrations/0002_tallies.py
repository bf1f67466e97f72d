import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0001_initial'),
        ('organizations', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='EventTally',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('day', models.DateField()),
                ('count', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='EventTallyMark',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('until', models.DateTimeField()),
            ],
        ),
        migrations.RemoveIndex(
            model_name='event',
            name='event_by_time',
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['organization', 'ingested_at', 'id'], name='event_in_order'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('failures__isnull', False)), fields=['organization', 'ingested_at', 'id'], name='event_mismatch'),
        ),
        migrations.AddField(
            model_name='eventtally',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='event_tallies', to='organizations.organization'),
        ),
        migrations.AddConstraint(
            model_name='eventtally',
            constraint=models.UniqueConstraint(fields=('organization', 'day', 'name'), name='event_tally_unique'),
        ),
    ]
