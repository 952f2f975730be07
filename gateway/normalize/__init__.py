"""From the device's words to the record's words. Pure: clock pairs, people and episodes are handed in."""
