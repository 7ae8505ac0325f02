// The revisions of MCP, and what of them matters in front of a server: a new revision is a new entry.

internal import Bytes

/// A revision of MCP.
struct ProtocolRevision: Sendable {
    /// What a version is to the gateway.
    enum Standing: Equatable {
        /// A revision with a handshake.
        case legacy
        /// A revision whose requests describe themselves, or a version after the newest that is known: both official
        /// servers take it for such a revision, so the newest rules are applied to it.
        case modern
        /// Not known, and in front of the first modern version: one official server takes it for modern and the
        /// other for legacy.
        case unknown
    }

    /// Its version.
    let version: StaticString
    /// Its era.
    let era: Era
    /// Whether an array of messages is allowed.
    let allowsBatches: Bool

    /// All that are known.
    static let all = [
        ProtocolRevision(version: "2024-10-07", era: .legacy, allowsBatches: false),
        ProtocolRevision(version: "2024-11-05", era: .legacy, allowsBatches: false),
        ProtocolRevision(version: "2025-03-26", era: .legacy, allowsBatches: true),
        ProtocolRevision(version: "2025-06-18", era: .legacy, allowsBatches: false),
        ProtocolRevision(version: "2025-11-25", era: .legacy, allowsBatches: false),
        ProtocolRevision(version: "2026-07-28", era: .modern, allowsBatches: false),
    ]

    /// The first version of the modern era. Versions are ordered as strings, octet by octet.
    private static let firstModern = "2026-07-28"

    /// The revision of this version, nil if it is not known.
    init?(_ version: borrowing Span<UInt8>) {
        for revision in Self.all where version.equals(revision.version) {
            self = revision
            return
        }
        return nil
    }

    private init(version: StaticString, era: Era, allowsBatches: Bool) {
        self.version = version
        self.era = era
        self.allowsBatches = allowsBatches
    }

    /// What `version` is to the gateway.
    static func standing(of version: borrowing Span<UInt8>) -> Standing {
        if let revision = ProtocolRevision(version) { return revision.era == .modern ? .modern : .legacy }
        return precedesModern(version) ? .unknown : .modern
    }

    private static func precedesModern(_ version: borrowing Span<UInt8>) -> Bool {
        var index = 0
        for octet in firstModern.utf8 {
            guard index < version.count else { return true }
            if version[index] != octet { return version[index] < octet }
            index += 1
        }
        return false
    }
}
