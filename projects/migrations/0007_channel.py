import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('environments', '0003_lifecycle'),
        ('projects', '0006_refuses_pasted'),
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('slug', models.SlugField(max_length=140)),
                ('description', models.TextField(blank=True)),
                ('is_default', models.BooleanField(default=False)),
                ('rules', models.JSONField(blank=True, default=list, help_text='A list of domain.channels.ChannelRule.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('lifecycle', models.ForeignKey(blank=True, help_text="None means the project's.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='channels', to='environments.lifecycle')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='channels', to='projects.project')),
                ('tags', models.ManyToManyField(blank=True, help_text='Its releases go to tenants with these alone; none means to all.', related_name='+', to='tenants.tag')),
            ],
            options={
                'ordering': ['-is_default', 'name'],
                'constraints': [
                    models.UniqueConstraint(models.F('project'), django.db.models.functions.text.Lower('name'), name='projects_channel_name_in_project', violation_error_message='This project has a channel of this name. Choose another one.'),
                    models.UniqueConstraint(fields=('project', 'slug'), name='projects_channel_slug_in_project'),
                    models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('project',), name='projects_channel_one_default'),
                ],
            },
        ),
        migrations.AddField(
            model_name='release',
            name='channel',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='releases', to='projects.channel'),
        ),
        migrations.AddField(
            model_name='release',
            name='ignores_rules',
            field=models.BooleanField(db_default=False, default=False, help_text='Whoever made it did so against the rules of the channel.'),
        ),
    ]
