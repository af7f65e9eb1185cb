"""The page of a run in a browser; `server.serve` is where it starts."""
