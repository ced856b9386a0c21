"""Servers on this machine that check a request as a vendor's own API does, and answer in its form."""
