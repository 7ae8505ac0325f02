// Certificates, keys and revocation lists read from PEM (RFC 7468).

internal import Bytes
internal import COpenSSL

/// Reads what one PEM text holds, from its beginning to its end.
///
/// Invariant of the unsafe code: the memory behind `reader` is that of `octets`, which lives as long.
@safe
struct PEMText: ~Copyable {
    private let octets: UnsafeMutableBufferPointer<UInt8>
    private let reader: Owned

    /// Copies the text; nil if it is longer than the library can count, or there is no memory.
    init?(_ text: borrowing Span<UInt8>) {
        guard let count = Int32(exactly: text.count) else { return nil }
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
        _ = unsafe text.withUnsafeBufferPointer { text in unsafe copy.initialize(from: text) }
        guard
            let reader = unsafe Owned(
                BIO_new_mem_buf(copy.baseAddress, count),
                freedBy: { unsafe _ = BIO_free($0) }
            )
        else {
            unsafe copy.deallocate()
            return nil
        }
        unsafe octets = copy
        self.reader = reader
    }

    deinit {
        // Private keys pass through here.
        unsafe OPENSSL_cleanse(octets.baseAddress, octets.count)
        unsafe octets.deallocate()
    }

    /// All certificates of the text, as a stack; an empty one if there is none.
    func certificates() throws(CertificateError) -> Owned {
        ERR_clear_error()
        guard let stack = Owned.certificateStack() else { throw .library }
        while let certificate = unsafe PEM_read_bio_X509(reader.pointer, nil, noPassphrase, nil) {
            guard unsafe audgate_certificates_push(stack.pointer, certificate) > 0 else {
                unsafe X509_free(certificate)
                throw .library
            }
        }
        guard isAtEnd else { throw .malformedCertificate }
        return stack
    }

    /// Adds all revocation lists of the text to a store of certificates.
    func addRevocationLists(to store: borrowing Owned) throws(CertificateError) {
        ERR_clear_error()
        var count = 0
        while let list = unsafe Owned(
            PEM_read_bio_X509_CRL(reader.pointer, nil, noPassphrase, nil),
            freedBy: X509_CRL_free
        ) {
            guard unsafe X509_STORE_add_crl(store.pointer, list.pointer) == 1 else { throw .library }
            count += 1
        }
        guard isAtEnd, count > 0 else { throw .malformedRevocationList }
    }

    /// The first private key of the text.
    func privateKey() throws(CertificateError) -> Owned {
        ERR_clear_error()
        var isEncrypted = false
        let key = unsafe PEM_read_bio_PrivateKey(reader.pointer, nil, noPassphrase, &isEncrypted)
        guard let key = unsafe Owned(key, freedBy: EVP_PKEY_free) else {
            throw isEncrypted ? .encryptedKey : announcesKey ? .malformedKey : .noKey
        }
        return key
    }

    /// Whether the text says that a private key follows. The library's errors do not tell.
    private var announcesKey: Bool {
        let mark: StaticString = "PRIVATE KEY-----"
        let text = unsafe Span(_unsafeElements: UnsafeBufferPointer(octets))
        let last = text.count - mark.utf8CodeUnitCount
        guard last >= 0 else { return false }
        return (0...last).contains { text.extracting($0..<($0 + mark.utf8CodeUnitCount)).equals(mark) }
    }

    /// Whether the library gave no further item because it found no further "-----BEGIN".
    private var isAtEnd: Bool {
        let code = ERR_peek_last_error()
        return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
    }
}

/// Never knows a passphrase, and never asks a terminal; notes in the `Bool` given that one was wanted.
private func noPassphrase(
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: Int32,
    _ isWritten: Int32,
    _ isEncrypted: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe isEncrypted?.assumingMemoryBound(to: Bool.self).pointee = true
    return -1
}
