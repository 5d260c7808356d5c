from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "projects"

    def ready(self) -> None:
        # Models can be imported only once every app is there.
        from projects import registrations  # noqa: PLC0415

        registrations.register()
