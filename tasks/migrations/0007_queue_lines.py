from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("tasks", "0006_log_sent_again")]

    operations = [
        migrations.RemoveIndex(model_name="servertask", name="tasks_queue_order"),
        migrations.RemoveIndex(model_name="servertask", name="tasks_concurrency"),
        migrations.AddField(
            model_name="servertask",
            name="lock_key",
            field=models.CharField(
                blank=True,
                default="",
                help_text="The same for tasks that need the same locks; empty for none.",
                max_length=32,
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="servertask",
            index=models.Index(
                condition=Q(("state", "Queued")),
                fields=["state", "-queue_rank", "id", "concurrency_key", "lock_key", "environment", "start_at"],
                name="tasks_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="servertask",
            index=models.Index(
                condition=Q(("state__in", ("Queued", "Executing", "Cancelling"))),
                fields=["concurrency_key", "state", "-queue_rank", "id"],
                name="tasks_concurrency",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                condition=Q(("cancel_requested", True)),
                fields=["state"],
                name="tasks_attempt_cancelled",
            ),
        ),
    ]
