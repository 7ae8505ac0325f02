// How session ids of servers before 2026-07-28 are kept from strangers.

/// What becomes of `Mcp-Session-Id` at the gateway.
public enum SessionMode: String, Sendable, CaseIterable {
    /// Clients get the id wrapped with a MAC over what it belongs to.
    case sealed
    /// Clients get the id as it is; the process remembers whose it is.
    case plain
}
