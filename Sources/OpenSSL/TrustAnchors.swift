// The authorities whose certificates are believed, and what they have revoked.

internal import Bytes
internal import COpenSSL
internal import Glibc

/// Whom to trust.
///
/// With revocation lists every certificate of a chain needs one from its issuer: what a list revokes, and what
/// no list speaks of, is refused.
///
/// `@unchecked Sendable`: the library guards a store with a lock of its own.
public final class TrustAnchors: @unchecked Sendable {
    let store: Owned

    /// SHA-256 over the texts that this was made of.
    public let digest: Digest256

    /// Trusts the certificates of `pem`.
    ///
    /// - Parameters:
    ///   - pem: Self-signed certificates of authorities, and intermediate ones beside them if need be.
    ///   - revocations: PEM of revocation lists (RFC 5280 §5).
    public convenience init(
        authorities pem: borrowing Span<UInt8>,
        revocations: [UInt8]?
    ) throws(CertificateError) {
        ERR_clear_error()
        guard let store = unsafe Owned(X509_STORE_new(), freedBy: X509_STORE_free) else { throw .library }
        try Self.add(authorities: pem, to: store)
        try self.init(store, text: Array(copying: pem), revocations: revocations)
    }

    /// Trusts whom the system trusts: OpenSSL's own paths, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    /// Certificates in directories are read by the library when they are first needed.
    public static func system() throws(CertificateError) -> TrustAnchors {
        try TrustAnchors(systemStore(), text: systemState, revocations: nil)
    }

    /// Trusts whom the system trusts, and the certificates of `pem` besides.
    public static func systemWith(authorities pem: borrowing Span<UInt8>) throws(CertificateError)
        -> TrustAnchors
    {
        let store = try systemStore()
        try add(authorities: pem, to: store)
        return try TrustAnchors(store, text: systemState + Array(copying: pem), revocations: nil)
    }

    /// Trusts whom the system trusts, except for what `revocations` (PEM) revokes.
    public static func systemWith(revocations: [UInt8]) throws(CertificateError) -> TrustAnchors {
        try TrustAnchors(systemStore(), text: systemState, revocations: revocations)
    }

    private init(_ store: consuming Owned, text: [UInt8], revocations: [UInt8]?) throws(CertificateError) {
        if let revocations {
            guard let lists = PEMText(revocations.span) else { throw .malformedRevocationList }
            try lists.addRevocationLists(to: store)
            let flags = UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
            guard unsafe X509_STORE_set_flags(store.pointer, flags) == 1 else { throw .library }
        }
        self.store = store
        var state = SHA256()
        let parts = [text, revocations ?? []].flatMap { state.digest($0.span).bytes }
        digest = state.digest(parts.span)
    }

    /// When the system's certificates have changed last: the library reads them when it needs them, and keeps them.
    private static var systemState: [UInt8] {
        let file = unsafe state(of: X509_get_default_cert_file(), or: X509_get_default_cert_file_env())
        let directory = unsafe state(of: X509_get_default_cert_dir(), or: X509_get_default_cert_dir_env())
        return Array("\(file) \(directory)".utf8)
    }

    /// What changes with the file at `path`, or the one that a variable names instead.
    private static func state(
        of path: UnsafePointer<CChar>?,
        or variable: UnsafePointer<CChar>?
    ) -> String {
        let named = unsafe variable.flatMap { unsafe getenv($0) }.map { unsafe UnsafePointer($0) }
        var status = stat()
        guard let place = unsafe named ?? path, unsafe stat(place, &status) == 0 else { return "none" }
        return "\(status.st_ino):\(status.st_mtim.tv_sec):\(status.st_mtim.tv_nsec):\(status.st_size)"
    }

    private static func add(
        authorities pem: borrowing Span<UInt8>,
        to store: borrowing Owned
    ) throws(CertificateError) {
        guard let text = PEMText(pem) else { throw .noAuthority }
        let authorities = try text.certificates()
        var count = 0
        while let authority = unsafe Owned(
            audgate_certificates_shift(authorities.pointer),
            freedBy: X509_free
        ) {
            guard unsafe X509_STORE_add_cert(store.pointer, authority.pointer) == 1 else { throw .library }
            count += 1
        }
        guard count > 0 else { throw .noAuthority }
    }

    private static func systemStore() throws(CertificateError) -> Owned {
        ERR_clear_error()
        guard let store = unsafe Owned(X509_STORE_new(), freedBy: X509_STORE_free),
            unsafe X509_STORE_set_default_paths(store.pointer) == 1
        else { throw .library }
        return store
    }
}
