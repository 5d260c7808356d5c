from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0004_queue_indexes")]

    operations = [
        migrations.AddField(
            model_name="node",
            name="keys_thumbprint",
            field=models.CharField(
                blank=True, default="", help_text="SHA-256 of its keys; all nodes have the same ones.", max_length=64
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="node",
            name="started_at",
            field=models.DateTimeField(help_text="Also tells one process of this name from the next."),
        ),
    ]
