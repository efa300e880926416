"""Pages made by the server, and the doors behind them."""
