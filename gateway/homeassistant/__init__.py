"""Things as Home Assistant shows them: what is discovered, and what each entity says."""
