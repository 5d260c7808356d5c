from django.urls import path

from environments.views import environments

urlpatterns = [
    path("environments/", environments.environment_list, name="environment_list"),
    path("environments/new/", environments.environment_create, name="environment_create"),
    path("environments/order/", environments.environment_reorder, name="environment_reorder"),
    path("environments/<slug:slug>/", environments.environment_edit, name="environment_edit"),
    path("environments/<slug:slug>/delete/", environments.environment_delete, name="environment_delete"),
]
