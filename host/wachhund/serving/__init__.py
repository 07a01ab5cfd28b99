"""What `wachhund serve` and `wachhund web` share: options, signals, listening, the first login, the pages' server."""
