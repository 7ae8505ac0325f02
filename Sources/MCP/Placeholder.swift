// The protocol above HTTP.
