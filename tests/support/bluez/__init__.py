"""A stand-in for bluetoothd on a private message bus, with a virtual radio below it: what bleak's own BlueZ backend and our agent talk to.

It answers as BlueZ does where it was watched in the virtual machine (`tests/e2e`), which stays the reference; what it is for are faults,
each injected where a test wants it.
"""
