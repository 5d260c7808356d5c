from django.urls import path

from accounts.views import account, api_keys, audit, sign_in, users

urlpatterns = [
    path("login/", sign_in.sign_in, name="login"),
    path("logout/", sign_in.sign_out, name="logout"),
    path("account/", account.account, name="account"),
    path("account/api-keys/", api_keys.api_key_list, name="api_key_list"),
    path("account/api-keys/<int:pk>/revoke/", api_keys.api_key_action, name="api_key_action"),
    path("settings/users/", users.user_list, name="user_list"),
    path("settings/users/new/", users.user_create, name="user_create"),
    path("settings/users/<int:pk>/", users.user_edit, name="user_edit"),
    path("settings/users/<int:pk>/password/", users.user_password, name="user_password"),
    path("audit/", audit.audit, name="audit"),
]
