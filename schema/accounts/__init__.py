"""Users, organizations, robots and teams."""
