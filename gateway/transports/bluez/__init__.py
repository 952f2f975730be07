"""What the gateway asks of bluetoothd beside reading: an agent for pairing, bonds, adapters, and whether it is there at all."""
