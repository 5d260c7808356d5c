from django.db import migrations, models
from django.db.models import F


def number_as_before(apps, schema_editor):
    """Every unit was a step until now."""
    apps.get_model("tasks", "Execution").objects.update(step_number=F("number"))


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0010_list_filters"),
        ("workers", "0003_deployment_targets"),
    ]

    operations = [
        migrations.AddField(
            model_name="execution",
            name="step_number",
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="execution",
            name="target",
            field=models.ForeignKey(
                blank=True,
                help_text="The deployment target that it is for. Without a pool it runs there.",
                null=True,
                on_delete=models.SET_NULL,
                related_name="+",
                to="workers.machine",
            ),
        ),
        migrations.AddField(
            model_name="execution",
            name="target_name",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.RunPython(number_as_before, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                condition=models.Q(("state", "Waiting")), fields=["target"], name="tasks_waiting_target"
            ),
        ),
    ]
