import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0008_default_channels'),
    ]

    operations = [
        migrations.AlterField(
            model_name='release',
            name='channel',
            field=models.ForeignKey(on_delete=django.db.models.deletion.RESTRICT, related_name='releases', to='projects.channel'),
        ),
    ]
