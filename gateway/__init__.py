"""The daemon: radio to record, one street, one direction. `app` builds it; `docs/architecture.md` explains it."""

__version__ = "0.1.0"
