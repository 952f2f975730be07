"""The queue over NATS JetStream: the connection, and the contract of `docs/queue.md`."""
