from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks"

    def ready(self) -> None:
        from tasks.engine.drivers.base import place_soon  # noqa: PLC0415 - not before the models
        from workers.services import machines  # noqa: PLC0415 - not before the models

        machines.on_more_room(place_soon)
