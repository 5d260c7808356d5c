from workers.models.enrolment import EnrolmentCode
from workers.models.machine import ONLINE, Health, Machine, MachineQuerySet, Participation, TargetTag

__all__ = ["ONLINE", "EnrolmentCode", "Health", "Machine", "MachineQuerySet", "Participation", "TargetTag"]
