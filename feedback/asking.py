"""Where this floor asks others over the network: one event loop a process, started by the first question."""

from jarvish_regen.llm.loop import EngineLoop

engine = EngineLoop()
