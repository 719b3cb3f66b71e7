"""Write what a model is asked: compliance, system, channel and asset, learned, request; what people wrote is data only.

The system message is the same bytes for every request of one prompt version, so that providers can cache its prefix.
Compliance stands first in it and last of all, and is no part of what a version may change. docs/engine.md has the
format.
"""

from regeneration.prompts.budget import estimated_tokens
from regeneration.prompts.layers import COMPLIANCE, DEFAULT_LAYERS, Layers, learned_lines, prompt_version
from regeneration.prompts.prompt import JSON_SCHEMAS, Prompt
from regeneration.prompts.writing import FIXED_LINES, LANGUAGE_NAMES, instructions, write_prompt, write_simple_prompt

# What a reply must never repeat.
SYSTEM = DEFAULT_LAYERS.system_message

__all__ = [
    "COMPLIANCE",
    "DEFAULT_LAYERS",
    "FIXED_LINES",
    "JSON_SCHEMAS",
    "LANGUAGE_NAMES",
    "SYSTEM",
    "Layers",
    "Prompt",
    "estimated_tokens",
    "instructions",
    "learned_lines",
    "prompt_version",
    "write_prompt",
    "write_simple_prompt",
]
