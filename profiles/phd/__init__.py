"""IEEE 11073-20601: what personal health devices say over USB, TCP and other reliable transports.

`apdu` the envelopes · `mder` how they lie on the wire · `attributes` and `objects` how a device describes itself · `reports` and
`store` how it tells what it measured · `association` one conversation as it was heard · `manager` our side of one.
"""
