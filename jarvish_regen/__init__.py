"""Jarvish Regen: a rejected draft becomes a better, admissible text, or a person takes the case."""
