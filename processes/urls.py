from django.urls import path

from processes.views import templates

urlpatterns = [
    path("library/step-templates/", templates.template_list, name="template_list"),
    path("library/step-templates/import/", templates.template_import, name="template_import"),
    path("library/step-templates/<int:pk>/", templates.template_detail, name="template_detail"),
    path("library/step-templates/<int:pk>/export/", templates.template_export, name="template_export"),
    path("library/step-templates/<int:pk>/update/", templates.template_update, name="template_update"),
    path("library/step-templates/<int:pk>/delete/", templates.template_delete, name="template_delete"),
]
