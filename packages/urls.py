from django.urls import path

from packages.views import packages, pushing

# No package has an ID that begins with a hyphen, so these addresses take nothing from anybody.
urlpatterns = [
    path("library/packages/", packages.package_list, name="package_list"),
    path("library/packages/-/push/", pushing.package_push, name="package_push"),
    path("library/packages/-/retention/", packages.package_retention, name="package_retention"),
    path("library/packages/<str:package_id>/", packages.package_detail, name="package_detail"),
    path(
        "library/packages/<str:package_id>/<str:version>/file/",
        packages.package_download,
        name="package_download",
    ),
    path(
        "library/packages/<str:package_id>/<str:version>/delete/",
        packages.package_delete,
        name="package_delete",
    ),
]
