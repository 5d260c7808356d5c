from django.db import migrations
from django.db.models import OuterRef, Subquery


def make_defaults(apps, schema_editor):
    """Projects that are there already get what new ones are born with, and their releases are in it."""
    channel, release = apps.get_model("projects", "Channel"), apps.get_model("projects", "Release")
    ids = apps.get_model("projects", "Project").objects.values_list("pk", flat=True)
    rows = (channel(project_id=pk, name="Default", slug="default", is_default=True) for pk in ids)
    channel.objects.bulk_create(rows, batch_size=500)
    own = channel.objects.filter(project_id=OuterRef("project_id"), is_default=True).values("pk")[:1]
    release.objects.filter(channel=None).update(channel_id=Subquery(own))


class Migration(migrations.Migration):
    """A migration of its own, since PostgreSQL changes no table that has rows with open constraints."""

    dependencies = [
        ('projects', '0007_channel'),
    ]

    operations = [migrations.RunPython(make_defaults, migrations.RunPython.noop)]
