from django.apps import AppConfig


class RunbooksConfig(AppConfig):
    name = "runbooks"

    def ready(self) -> None:
        # Models can be imported only once every app is there.
        from runbooks import registrations  # noqa: PLC0415

        registrations.register()
