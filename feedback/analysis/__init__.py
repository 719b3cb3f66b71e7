"""What a rejection means: categories, issues with their words, sentiment, emotion, urgency. Pure: no rows, no clock."""

from feedback.analysis.decide import analyse, analyse_many
from feedback.analysis.issues import FoundIssue
from feedback.analysis.signals import Analysis, Evidence, FoundCategory

__all__ = ["Analysis", "Evidence", "FoundCategory", "FoundIssue", "analyse", "analyse_many"]
