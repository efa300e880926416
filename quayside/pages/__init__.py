"""HTML pages of the server: sign-in, recovery, invitations; and downloads of exports."""
