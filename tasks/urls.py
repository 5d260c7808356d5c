from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from tasks.views import detail, log, pools, workers
from tasks.views import list as lists

urlpatterns: list[URLPattern | URLResolver] = [
    path("worker-pools/", pools.pool_list, name="pool_list"),
    path("worker-pools/<slug:slug>/", pools.pool_detail, name="pool_detail"),
    path("workers/<slug:slug>/", workers.worker_detail, name="worker_detail"),
    path("tasks/", lists.task_list, name="task_list"),
    path("tasks/cancel/", lists.task_cancel_many, name="task_cancel_many"),
    path("tasks/<int:pk>/", detail.task_detail, name="task_detail"),
    path("tasks/<int:pk>/plan/", detail.task_plan, name="task_plan"),
    path("tasks/<int:pk>/variables/", detail.task_variables, name="task_variables"),
    path("tasks/<int:pk>/events/", detail.task_events, name="task_events"),
    path("tasks/<int:pk>/cancel/", detail.task_cancel, name="task_cancel"),
    path("tasks/<int:pk>/rerun/", detail.task_rerun, name="task_rerun"),
    path("tasks/<int:pk>/log/<int:number>/", log.task_log, name="task_log"),
    path("tasks/<int:pk>/log/", log.task_frame, name="task_frame"),
    path("tasks/<int:pk>/raw/", log.task_raw, name="task_raw"),
    path("tasks/<int:pk>/raw/<int:number>/", log.task_raw_step, name="task_raw_step"),
]
