// The versions of TLS that are spoken here.

internal import COpenSSL

/// A version of TLS; older ones than these are never spoken (RFC 8996).
public enum TLSVersion: String, CaseIterable, Sendable {
    /// RFC 5246, with ECDHE and AEAD ciphers only.
    case tls12 = "1.2"
    /// RFC 8446.
    case tls13 = "1.3"

    /// The library's number.
    var number: Int32 {
        switch self {
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }
}
