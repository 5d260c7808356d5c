from django.urls import path

from tenants.views import tag_sets, tenants

urlpatterns = [
    path("tenants/", tenants.tenant_list, name="tenant_list"),
    path("tenants/new/", tenants.tenant_create, name="tenant_create"),
    path("tenants/<slug:slug>/", tenants.tenant_detail, name="tenant_detail"),
    path("tenants/<slug:slug>/edit/", tenants.tenant_edit, name="tenant_edit"),
    path("tenants/<slug:slug>/delete/", tenants.tenant_delete, name="tenant_delete"),
    path("library/tag-sets/", tag_sets.tag_set_list, name="tag_set_list"),
    path("library/tag-sets/new/", tag_sets.tag_set_create, name="tag_set_create"),
    path("library/tag-sets/order/", tag_sets.tag_set_reorder, name="tag_set_reorder"),
    path("library/tag-sets/<slug:slug>/", tag_sets.tag_set_edit, name="tag_set_edit"),
    path("library/tag-sets/<slug:slug>/delete/", tag_sets.tag_set_delete, name="tag_set_delete"),
]
