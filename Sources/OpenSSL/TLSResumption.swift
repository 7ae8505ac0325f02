// A session of an earlier connection, for resumption.

internal import COpenSSL

/// What a server handed out so that the next handshake is short (RFC 8446 §2.2, RFC 5077). In TLS 1.3 it is best
/// used once.
///
/// `@unchecked Sendable`: the library does not change a session that was handed out, and counts its references
/// behind its own locks.
public final class TLSResumption: @unchecked Sendable {
    let session: Owned
    /// Whose rules the server was checked by; under others the session is not resumed.
    let context: ClientTLSContext

    init(_ session: consuming Owned, context: ClientTLSContext) {
        self.session = session
        self.context = context
    }
}
