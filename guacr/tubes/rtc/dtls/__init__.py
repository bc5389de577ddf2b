"""DTLS: encryption, with certificates that session descriptions vouch for."""
