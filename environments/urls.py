from django.urls import path

from environments.views import environments, lifecycles

urlpatterns = [
    path("environments/", environments.environment_list, name="environment_list"),
    path("environments/new/", environments.environment_create, name="environment_create"),
    path("environments/order/", environments.environment_reorder, name="environment_reorder"),
    path("environments/<slug:slug>/", environments.environment_edit, name="environment_edit"),
    path("environments/<slug:slug>/delete/", environments.environment_delete, name="environment_delete"),
    path("lifecycles/", lifecycles.lifecycle_list, name="lifecycle_list"),
    path("lifecycles/new/", lifecycles.lifecycle_create, name="lifecycle_create"),
    path("lifecycles/<slug:slug>/", lifecycles.lifecycle_edit, name="lifecycle_edit"),
    path("lifecycles/<slug:slug>/delete/", lifecycles.lifecycle_delete, name="lifecycle_delete"),
]
