"""Models and labels at the desk."""

from learning.admin.labels import LabelTaskAdmin, TrainingRowAdmin
from learning.admin.models import ModelVersionAdmin, TrainingRunAdmin

__all__ = ["LabelTaskAdmin", "ModelVersionAdmin", "TrainingRowAdmin", "TrainingRunAdmin"]
