"""The API of what happens next: reject, wait for the answer, approve, ask a person."""
