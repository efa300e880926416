"""Who there is: users, organizations, robots and teams, how they sign in, and how they go."""
