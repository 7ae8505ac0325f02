// The two ways in which MCP messages travel.

/// How a request is to be understood ("Terminology" of the versioning page of MCP 2026-07-28).
public enum Era: Sendable, Equatable {
    /// Revisions with a handshake and sessions, up to 2025-11-25.
    case legacy
    /// Revisions whose requests describe themselves, from 2026-07-28 on.
    case modern
}
