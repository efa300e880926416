"""The registry protocol `/v2`: OCI Distribution and the token service."""
