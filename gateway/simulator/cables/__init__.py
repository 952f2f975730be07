"""Virtual devices with a cable, as frames in and frames out."""
