"""Fitting and judging the heads that read feedback. Nothing here runs where answers are given."""
