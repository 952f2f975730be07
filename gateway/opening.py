"""What a state directory holds, opened as its configuration says."""

from __future__ import annotations

from gateway.config import Config
from gateway.credentials import Unusable
from gateway.encryption import Keys, read_keys
from gateway.errors import StateError
from gateway.journal import Journal
from gateway.provenance import signer_of


def keys_of(config: Config) -> Keys:
    """What is stored is encrypted with one of these. Raises `StateError`."""
    try:
        return read_keys(config.at_rest.key_file, config.at_rest.old_key_files)
    except Unusable as error:
        raise StateError(f"at_rest: {error}") from error


def journal_of(config: Config, keys: Keys | None = None) -> Journal:
    """`keys`: where they have been read already. Raises `StateError`."""
    signer = signer_of(config.state) if config.gateway.sign else None
    return Journal(config.state / "journal.db", signer, keys or keys_of(config))
