from django.urls import path

from pools.views import pools

urlpatterns = [
    path("worker-pools/new/", pools.pool_create, name="pool_create"),
    path("worker-pools/<slug:slug>/edit/", pools.pool_edit, name="pool_edit"),
    path("worker-pools/<slug:slug>/delete/", pools.pool_delete, name="pool_delete"),
    path("worker-pools/<slug:slug>/make-default/", pools.pool_make_default, name="pool_make_default"),
]
