// The claims that audgate reads, each of the right type.

internal import Bytes
internal import JSON

/// The claims of a token (RFC 7519 §4.1, RFC 9068 §2.2), typed and bounded. Times are in whole seconds since 1970.
struct TokenClaims: Sendable {
    let issuer: String
    let subject: String?
    let clientID: String?
    let tokenID: String?
    let audiences: [String]
    let scopes: [String]
    /// Rounded down: a token never lives longer than `exp`.
    let expiry: Int64
    /// Rounded up: a token never lives before `nbf`.
    let notBefore: Int64?
    /// Rounded up.
    let issuedAt: Int64?
    let isSenderConstrained: Bool

    private static let maximumStringLength = 2048
    private static let maximumAudienceCount = 32
    private static let maximumScopeCount = 512

    /// Types the claims; whether the values are acceptable is not judged here.
    ///
    /// - Throws: `claimMissing` or `claimInvalid` with the name of the claim.
    init(_ claims: JSONObject, required: [String]) throws(TokenRefusal) {
        guard claims["aud"] != nil else { throw TokenRefusal(.claimMissing, "aud") }
        for name in required where claims[name] == nil { throw TokenRefusal(.claimMissing, name) }
        guard let issuer = try Self.string(claims, "iss") else { throw TokenRefusal(.claimMissing, "iss") }
        guard let expiry = try Self.seconds(claims, "exp", .down) else {
            throw TokenRefusal(.claimMissing, "exp")
        }
        self.issuer = issuer
        self.expiry = expiry
        notBefore = try Self.seconds(claims, "nbf", .up)
        issuedAt = try Self.seconds(claims, "iat", .up)
        subject = try Self.string(claims, "sub")
        let authorizedParty = try Self.string(claims, "azp")
        clientID = try Self.string(claims, "client_id") ?? authorizedParty
        tokenID = try Self.string(claims, "jti")
        audiences = try Self.audiences(claims)
        scopes = try Self.scopes(claims)
        isSenderConstrained = try Self.isSenderConstrained(claims)
    }

    private static func string(_ claims: JSONObject, _ name: String) throws(TokenRefusal) -> String? {
        guard let value = claims[name] else { return nil }
        guard let string = value.string, isBounded(string) else { throw TokenRefusal(.claimInvalid, name) }
        return string
    }

    private static func isBounded(_ string: String) -> Bool {
        !string.isEmpty && string.utf8.count <= maximumStringLength
    }

    /// A NumericDate (RFC 7519 §2) between 1970 and the end of the year 9999.
    private static func seconds(
        _ claims: JSONObject,
        _ name: String,
        _ rounding: FloatingPointRoundingRule
    ) throws(TokenRefusal) -> Int64? {
        guard let value = claims[name] else { return nil }
        guard let seconds = value.number?.double.rounded(rounding), seconds >= 0, seconds < 253_402_300_800
        else {
            throw TokenRefusal(.claimInvalid, name)
        }
        return Int64(seconds)
    }

    /// `aud`: a string, or an array of at least one (RFC 7519 §4.1.3).
    private static func audiences(_ claims: JSONObject) throws(TokenRefusal) -> [String] {
        let value = claims["aud"]
        let audiences = value?.string.map { [$0] } ?? value?.strings ?? []
        guard !audiences.isEmpty, audiences.count <= maximumAudienceCount, audiences.allSatisfy(isBounded)
        else {
            throw TokenRefusal(.claimInvalid, "aud")
        }
        return audiences
    }

    /// `scope` (RFC 8693 §4.2): names with blanks between; and `scp`, likewise or as an array of names.
    private static func scopes(_ claims: JSONObject) throws(TokenRefusal) -> [String] {
        var scopes: [String] = []
        if let value = claims["scope"] {
            guard let list = value.string else { throw TokenRefusal(.claimInvalid, "scope") }
            scopes = names(list)
        }
        if let value = claims["scp"] {
            guard let list = value.string.map(names) ?? value.strings else {
                throw TokenRefusal(.claimInvalid, "scp")
            }
            scopes += list
        }
        guard scopes.count <= maximumScopeCount else { throw TokenRefusal(.claimInvalid, "scope") }
        return scopes
    }

    private static func names(_ list: String) -> [String] {
        list.utf8.split(separator: ASCII.space).map { String(Substring($0)) }
    }

    /// Whether `cnf` (RFC 7800 §3.1) ties the token to a key of its sender.
    private static func isSenderConstrained(_ claims: JSONObject) throws(TokenRefusal) -> Bool {
        guard let value = claims["cnf"] else { return false }
        guard value.object != nil else { throw TokenRefusal(.claimInvalid, "cnf") }
        return true
    }
}
