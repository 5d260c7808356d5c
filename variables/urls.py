from django.urls import path

from variables.views import credentials, library

urlpatterns = [
    path("library/variable-sets/", library.library_set_list, name="library_set_list"),
    path("library/variable-sets/new/", library.library_set_create, name="library_set_create"),
    path("library/variable-sets/<slug:slug>/edit/", library.library_set_edit, name="library_set_edit"),
    path("library/variable-sets/<slug:slug>/delete/", library.library_set_delete, name="library_set_delete"),
    path("library/accounts/", credentials.account_list, name="account_list"),
    path("library/accounts/new/", credentials.account_create, name="account_create"),
    path("library/accounts/<slug:slug>/", credentials.account_edit, name="account_edit"),
    path("library/accounts/<slug:slug>/delete/", credentials.account_delete, name="account_delete"),
    path("library/certificates/", credentials.certificate_list, name="certificate_list"),
    path("library/certificates/new/", credentials.certificate_create, name="certificate_create"),
    path("library/certificates/<slug:slug>/", credentials.certificate_edit, name="certificate_edit"),
    path(
        "library/certificates/<slug:slug>/delete/", credentials.certificate_delete, name="certificate_delete"
    ),
]
