from environments.models.environment import Environment
from environments.models.lifecycle import Lifecycle, Phase

__all__ = ["Environment", "Lifecycle", "Phase"]
