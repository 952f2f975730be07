"""Opens what devices encrypt in their advertisements, with the key that their owner gave."""

from __future__ import annotations

from profiles.adv import Locked, Open, Sealed

KEY_OCTETS = 16


def opener(key: bytes) -> Open:
    """Raises `ValueError` for a key of another length. Wrong keys and forged advertisements are `Locked`."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - 8 MB of memory, for those who have such a device
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM  # noqa: PLC0415 - likewise

    if len(key) != KEY_OCTETS:
        raise ValueError(f"a key has {KEY_OCTETS} bytes, this one has {len(key)}")

    def open_(sealed: Sealed) -> bytes:
        cipher = AESCCM(key, tag_length=len(sealed.tag))
        try:
            return cipher.decrypt(sealed.nonce, sealed.ciphertext + sealed.tag, sealed.associated or None)
        except (InvalidTag, ValueError) as error:
            raise Locked("the key does not fit, or the advertisement is forged") from error

    return open_


def enciphered(key: bytes, block: bytes) -> bytes:
    """One block of AES, for what a device asks to know who we are: a challenge, which is never the same twice."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - as above

    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block: no mode at all
    return encryptor.update(block) + encryptor.finalize()


def seal(key: bytes, nonce: bytes, plain: bytes, tag_length: int = 4) -> tuple[bytes, bytes]:
    """What a device does: ciphertext and tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM  # noqa: PLC0415 - as above

    sealed = AESCCM(key, tag_length=tag_length).encrypt(nonce, plain, None)
    return sealed[:-tag_length], sealed[-tag_length:]
