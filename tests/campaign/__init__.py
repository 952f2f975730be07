"""Everything that can go wrong between a device and the far end of the queue, in rounds drawn by seed; see `plan`."""
