// Makes certificates, revocation lists and OCSP responses for tests.

import Bytes
import COpenSSL
import Synchronization

@testable import OpenSSL

/// A certificate with its key, made a moment ago; may issue others.
///
/// Any failure of the library ends the test run: the tests would mean nothing.
@safe
final class TestAuthority {
    /// When a certificate is valid, in seconds from now.
    struct Validity {
        var from = -3600
        var to = 86_400
        static let now = Validity()
        static let expired = Validity(from: -7200, to: -3600)
        static let later = Validity(from: 3600, to: 7200)
    }

    let certificate: OpaquePointer
    let key: Owned
    private let keyKind: KeyKind
    private let issuer: TestAuthority?
    private static let serials = SerialNumbers()

    /// - Parameters:
    ///   - issuer: Who signs; nil: itself.
    ///   - alternativeNames: As the library's configuration writes them: "DNS:a.example,IP:127.0.0.1".
    ///   - purpose: "serverAuth", "clientAuth"; nil: any.
    init(
        _ name: String,
        issuer: TestAuthority? = nil,
        key kind: KeyKind = .ellipticCurve(.p256),
        alternativeNames: String? = nil,
        isAuthority: Bool = false,
        purpose: String? = nil,
        validity: Validity = .now,
        digest: OpaquePointer? = unsafe EVP_sha256()
    ) {
        self.issuer = issuer
        keyKind = kind
        guard let randomKey = Owned.randomKey(kind), let new = unsafe X509_new() else {
            preconditionFailure("no key")
        }
        key = randomKey
        unsafe certificate = unsafe new
        unsafe X509_set_version(certificate, 2)
        unsafe ASN1_INTEGER_set(X509_get_serialNumber(certificate), Self.serials.next())
        unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), validity.from)
        unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), validity.to)
        unsafe X509_NAME_add_entry_by_txt(
            X509_get_subject_name(certificate),
            "CN",
            MBSTRING_ASC,
            name,
            -1,
            -1,
            0
        )
        unsafe X509_set_issuer_name(certificate, X509_get_subject_name(issuer?.certificate ?? certificate))
        unsafe X509_set_pubkey(certificate, self.key.pointer)
        add(NID_basic_constraints, isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE")
        if isAuthority { add(NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature") }
        if let alternativeNames { add(NID_subject_alt_name, alternativeNames) }
        if let purpose { add(NID_ext_key_usage, purpose) }
        let isEdwards = if case .edwards = issuer?.keyKind ?? kind { true } else { false }
        unsafe precondition(
            X509_sign(certificate, (issuer ?? self).key.pointer, isEdwards ? nil : digest) > 0
        )
    }

    deinit { unsafe X509_free(certificate) }

    private func add(_ number: Int32, _ value: String) {
        let item = unsafe X509V3_EXT_conf_nid(nil, nil, number, value)
        unsafe precondition(item != nil && X509_add_ext(certificate, item, -1) == 1)
        unsafe X509_EXTENSION_free(item)
    }

    static func authority(_ name: String = "Test Root", issuer: TestAuthority? = nil) -> TestAuthority {
        unsafe TestAuthority(name, issuer: issuer, isAuthority: true)
    }

    var pem: [UInt8] { unsafe Self.text { unsafe PEM_write_bio_X509($0, self.certificate) } }

    var keyPEM: [UInt8] {
        unsafe Self.text { unsafe PEM_write_bio_PrivateKey($0, self.key.pointer, nil, nil, 0, nil, nil) }
    }

    var encryptedKeyPEM: [UInt8] {
        unsafe Self.text {
            unsafe PEM_write_bio_PrivateKey(
                $0,
                self.key.pointer,
                EVP_aes_256_cbc(),
                Array("secret".utf8),
                6,
                nil,
                nil
            )
        }
    }

    /// Own certificate and those of the issuers, without the last one.
    var chainPEM: [UInt8] {
        var text: [UInt8] = pem
        var next = issuer
        while let authority = next, authority.issuer != nil {
            text += authority.pem
            next = authority.issuer
        }
        return text
    }

    var digest: [UInt8] { unsafe Owned.digest(ofCertificate: certificate) ?? [] }

    /// A revocation list of this authority.
    func revocationList(of revoked: [TestAuthority] = [], validity: Validity = .now) -> [UInt8] {
        let list = unsafe X509_CRL_new()
        defer { unsafe X509_CRL_free(list) }
        unsafe X509_CRL_set_version(list, 1)
        unsafe X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate))
        let time = unsafe ASN1_TIME_new()
        unsafe X509_CRL_set1_lastUpdate(list, X509_gmtime_adj(time, validity.from))
        for item in revoked {
            let entry = unsafe X509_REVOKED_new()
            unsafe X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(item.certificate))
            unsafe X509_REVOKED_set_revocationDate(entry, time)
            unsafe X509_CRL_add0_revoked(list, entry)
        }
        unsafe X509_CRL_set1_nextUpdate(list, X509_gmtime_adj(time, validity.to))
        unsafe ASN1_TIME_free(time)
        unsafe X509_CRL_sort(list)
        unsafe precondition(X509_CRL_sign(list, key.pointer, EVP_sha256()) > 0)
        return unsafe Self.text { unsafe PEM_write_bio_X509_CRL($0, list) }
    }

    /// DER of an OCSP response of this authority.
    func staple(for subject: TestAuthority, status: Int32 = V_OCSP_CERTSTATUS_GOOD, seconds: Int = 3600)
        -> [UInt8]
    {
        let basic = unsafe OCSP_BASICRESP_new()
        defer { unsafe OCSP_BASICRESP_free(basic) }
        let id = unsafe OCSP_cert_to_id(EVP_sha1(), subject.certificate, certificate)
        defer { unsafe OCSP_CERTID_free(id) }
        let now = unsafe X509_gmtime_adj(nil, 0)
        let next = unsafe X509_gmtime_adj(nil, seconds)
        defer {
            unsafe ASN1_TIME_free(now)
            unsafe ASN1_TIME_free(next)
        }
        let revoked = unsafe status == V_OCSP_CERTSTATUS_REVOKED ? now : nil
        unsafe precondition(OCSP_basic_add1_status(basic, id, status, 0, revoked, now, next) != nil)
        unsafe precondition(OCSP_basic_sign(basic, certificate, key.pointer, EVP_sha256(), nil, 0) == 1)
        let response = unsafe OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic)
        defer { unsafe OCSP_RESPONSE_free(response) }
        return unsafe Self.der(response)
    }

    /// DER of an OCSP response that says "try later".
    static var busyStaple: [UInt8] {
        let response = unsafe OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, nil)
        defer { unsafe OCSP_RESPONSE_free(response) }
        return unsafe der(response)
    }

    private static func der(_ response: OpaquePointer?) -> [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = unsafe i2d_OCSP_RESPONSE(response, &start)
        defer { unsafe CRYPTO_free(start, #file, #line) }
        return unsafe Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    private static func text(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
        let memory = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_free(memory) }
        unsafe precondition(write(memory) == 1)
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe BIO_read(memory, &bytes, Int32(bytes.count))
        return Array(bytes.prefix(Int(count)))
    }
}

/// Numbers that were not given out before.
final class SerialNumbers: Sendable {
    private let last = Mutex(1000)
    func next() -> Int {
        last.withLock { last in
            last += 1
            return last
        }
    }
}
