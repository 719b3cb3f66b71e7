"""Name the tasks of similarity, where those who ring and those who answer both find them."""

from typing import Final

VECTOR_TASK: Final = "regeneration.make_vector"
FORGET_TASK: Final = "regeneration.forget_vectors"
AUDIT_TASK: Final = "regeneration.audit_hits"
QUEUE: Final = "prepare"
