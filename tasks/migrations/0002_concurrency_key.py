from django.db import migrations, models
from django.db.models import F, Q, Value
from django.db.models.functions import Concat


def give_slots(apps, schema_editor):
    """What runs at the moment of the upgrade keeps its turn: it has the first slot of its key."""
    tasks = apps.get_model("tasks", "ServerTask").objects
    tasks.filter(state__in=["Executing", "Cancelling"]).update(slot_key=Concat(F("concurrency_key"), Value("#0")))


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="servertask", name="tasks_one_active_per_slot"),
        migrations.RenameField(model_name="servertask", old_name="slot_key", new_name="concurrency_key"),
        migrations.AddField(
            model_name="servertask",
            name="slot_key",
            field=models.CharField(blank=True, max_length=230, null=True),
        ),
        migrations.RunPython(give_slots, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="servertask",
            constraint=models.UniqueConstraint(
                condition=Q(("state__in", ("Executing", "Cancelling"))),
                fields=("slot_key",),
                name="tasks_one_active_per_slot",
            ),
        ),
    ]
