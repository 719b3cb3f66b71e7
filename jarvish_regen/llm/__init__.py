"""Ask language models for text under a deadline; knows nothing of drafts, advisors or rules.

``deadline`` is the one instant handed to every hop, ``base`` the values and errors, ``openai_target`` the streaming
client, ``race`` several calls for one valid answer, ``loop`` the one event loop of a process, ``targets`` and
``addresses`` who may be asked.
"""
