from processes.action_types.base import ActionForm, ActionType, all_types, by_key, by_slug, register
from processes.action_types.deploying import DEPLOY_A_PACKAGE, TRANSFER_A_PACKAGE
from processes.action_types.email import SEND_EMAIL
from processes.action_types.http import HTTP_REQUEST
from processes.action_types.manual import MANUAL_INTERVENTION
from processes.action_types.migrations import MIGRATE_DATABASE
from processes.action_types.script import RUN_A_SCRIPT
from processes.action_types.sql import RUN_SQL
from processes.action_types.starting import DEPLOY_A_RELEASE, RUN_A_RUNBOOK

register(RUN_A_SCRIPT)
register(RUN_SQL)
register(MIGRATE_DATABASE)
register(HTTP_REQUEST)
register(DEPLOY_A_PACKAGE)
register(TRANSFER_A_PACKAGE)
register(RUN_A_RUNBOOK)
register(DEPLOY_A_RELEASE)
register(SEND_EMAIL)
register(MANUAL_INTERVENTION)

__all__ = ["ActionForm", "ActionType", "all_types", "by_key", "by_slug", "register"]
