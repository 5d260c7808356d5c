from django.apps import AppConfig


class OctoworkersConfig(AppConfig):
    name = "octoworkers"
