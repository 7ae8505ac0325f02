// Who a verified token speaks for, in the form that logs may hold.

public import JOSE
internal import Bytes
internal import JSON
internal import OpenSSL

/// A verified token with the names that stand in the access log; made once for each token that is remembered.
public final class Principal: Sendable {
    /// The token.
    public let token: VerifiedToken
    /// Issuer, client and a keyed hash of the subject as members of a JSON object, without its braces.
    public let logMembers: [UInt8]

    /// By which requests of this principal are counted: issuer and subject, or client where there is no subject.
    let key: HashedKey
    /// By which requests of its client are counted: issuer and client. Tokens without a client count together.
    let clientKey: HashedKey

    /// Describes `token`; `key` makes the hash of the subject useless to who does not know it.
    init(_ token: VerifiedToken, key: inout HMACSHA256) {
        self.token = token
        let subject = token.subject.map { ["subject", $0] } ?? ["client", token.clientID ?? ""]
        self.key = HashedKey([token.issuer] + subject)
        clientKey = HashedKey([token.issuer] + (token.clientID.map { ["client", $0] } ?? []))
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("iss", token.issuer)
            if let clientID = token.clientID { writer.member("client_id", clientID) }
            if let subject = token.subject {
                let code = key.code(for: subject.octets.span)
                writer.member("sub_hash", code.hexadecimal(first: 8))
            }
        }
        let text = writer.finish()
        logMembers = Array(copying: text.span.extracting(1..<(text.count - 1)))
    }
}
