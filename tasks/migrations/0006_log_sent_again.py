from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0005_node_keys")]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="log_sent_again",
            field=models.BooleanField(
                default=False, help_text="What was stored differed, so the worker was asked for all of it again."
            ),
        ),
    ]
