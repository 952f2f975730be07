"""MQTT: the connection, the contract of `docs/queue.md`, and a reference consumer. Only this package touches aiomqtt and paho."""
