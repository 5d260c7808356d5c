from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("tasks", "0003_flow")]

    operations = [
        migrations.RemoveIndex(model_name="servertask", name="tasks_queue"),
        migrations.AddIndex(
            model_name="servertask",
            index=models.Index(
                condition=Q(("state", "Queued")),
                fields=["-queue_rank", "id", "concurrency_key", "environment", "start_at"],
                name="tasks_queue_order",
            ),
        ),
        migrations.AddIndex(
            model_name="servertask",
            index=models.Index(fields=["state", "node_name", "awaits_answer"], name="tasks_busy"),
        ),
    ]
