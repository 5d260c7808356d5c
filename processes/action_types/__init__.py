from processes.action_types.base import ActionForm, ActionType, all_types, by_key, by_slug, register
from processes.action_types.script import RUN_A_SCRIPT

register(RUN_A_SCRIPT)

__all__ = ["ActionForm", "ActionType", "all_types", "by_key", "by_slug", "register"]
