"""One scan in a browser: what is shown of it, and the server that shows it on this machine alone."""
