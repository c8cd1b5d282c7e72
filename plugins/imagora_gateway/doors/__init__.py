"""The doors of a gateway, one module a kind of client."""
