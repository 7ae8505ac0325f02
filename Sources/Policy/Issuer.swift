// An authorization server that routes trust, and where its keys are.

internal import Bytes
public import JOSE
public import OpenSSL

/// Place of an issuer in `Snapshot.issuers`.
public struct IssuerID: Hashable, Sendable {
    /// The index.
    public let index: Int

    /// Makes the identifier of the issuer at `index`.
    public init(_ index: Int) {
        self.index = index
    }
}

/// Where the keys of an issuer are.
public enum KeySource: Hashable, Sendable {
    /// In the document that the metadata of the issuer names (RFC 8414, then OpenID Connect Discovery).
    case discover
    /// At this address.
    case uri(String)
    /// In this file.
    case file(String)
}

/// An authorization server (RFC 8414).
public final class Issuer: Sendable {
    /// Its name in the configuration.
    public let name: String
    /// What its tokens must be like; holds the exact `iss`.
    public let rules: TokenRules
    /// Where its keys are.
    public let keySource: KeySource
    /// How long its keys are used after the source was last heard of, in seconds.
    public let keyMaximumAge: Int
    /// Audiences that may stand beside a resource in its tokens.
    public let otherAudiences: Set<String>
    /// What handshakes with the sources of its keys need; nil if none of them may be reached by TLS.
    public let tls: ClientTLSContext?
    /// The name that the sources' certificates must have; nil for the host of each address.
    public let serverName: String?

    /// Makes an issuer out of checked parts.
    public init(
        name: String,
        rules: TokenRules,
        keySource: KeySource,
        keyMaximumAge: Int,
        otherAudiences: Set<String>,
        tls: ClientTLSContext? = nil,
        serverName: String? = nil
    ) {
        self.name = name
        self.rules = rules
        self.keySource = keySource
        self.keyMaximumAge = keyMaximumAge
        self.otherAudiences = otherAudiences
        self.tls = tls
        self.serverName = serverName
    }

    /// Whether the keys of `other` are found where this issuer's are.
    public func hasKeysOf(_ other: Issuer) -> Bool {
        rules.issuer.isIdentical(to: other.rules.issuer) && keySource == other.keySource
            && tls === other.tls && serverName == other.serverName
    }

    /// Whether the rules for tokens are those of `other`.
    public func hasRulesOf(_ other: Issuer) -> Bool { rules == other.rules }
}
