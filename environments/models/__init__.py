from environments.models.environment import Environment

__all__ = ["Environment"]
