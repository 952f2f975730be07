"""How octets become messages on cables that many devices share."""
