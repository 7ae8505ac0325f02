"""What the end-to-end tests stand on: clients, upstreams and issuers that do exactly what they are told."""
