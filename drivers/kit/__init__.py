"""What drivers are made of. A driver file imports these words from `drivers`."""
