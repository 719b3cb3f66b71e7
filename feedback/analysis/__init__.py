"""What a rejection means: categories, issues with their words, sentiment, emotion, urgency. Pure: no rows, no clock."""
