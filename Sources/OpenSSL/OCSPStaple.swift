// An OCSP response (RFC 6960) that goes along with a certificate (RFC 6066 §8).

internal import COpenSSL

/// Checks that a response is fit to be sent: its signature is for clients to verify.
enum OCSPStaple {
    /// Checks that `response` says that `certificate` is good.
    ///
    /// - Returns: When the response ends to be good, in Unix seconds; nil if it does not say.
    static func check(
        _ response: [UInt8],
        for certificate: borrowing Owned
    ) throws(CertificateError) -> Int64? {
        ERR_clear_error()
        guard let parsed = parse(response) else { throw .malformedStaple }
        guard unsafe OCSP_response_status(parsed.pointer) == OCSP_RESPONSE_STATUS_SUCCESSFUL else {
            throw .unsuccessfulStaple
        }
        guard
            let basic = unsafe Owned(OCSP_response_get1_basic(parsed.pointer), freedBy: OCSP_BASICRESP_free)
        else { throw .malformedStaple }
        for index in 0..<(unsafe OCSP_resp_count(basic.pointer)) {
            // Belongs to `basic`, as does what is read from it.
            guard let single = unsafe OCSP_resp_get0(basic.pointer, index),
                unsafe isAbout(certificate, OCSP_SINGLERESP_get0_id(single))
            else { continue }
            var nextUpdate: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
            let status = unsafe OCSP_single_get0_status(single, nil, nil, nil, &nextUpdate)
            guard status == V_OCSP_CERTSTATUS_GOOD else { throw .unsuccessfulStaple }
            return unsafe CertificateTime.seconds(nextUpdate)
        }
        throw .foreignStaple
    }

    private static func parse(_ response: [UInt8]) -> Owned? {
        var used = 0
        // The library reads `count` bytes of an array that lives through the call, and says where it stopped.
        let parsed = unsafe response.withUnsafeBufferPointer { bytes in
            var position = bytes.baseAddress
            let parsed = unsafe d2i_OCSP_RESPONSE(nil, &position, bytes.count)
            if let start = bytes.baseAddress, let end = unsafe position { used = unsafe end - start }
            return unsafe parsed
        }
        guard let parsed = unsafe Owned(parsed, freedBy: OCSP_RESPONSE_free), used == response.count else {
            return nil
        }
        return parsed
    }

    /// Whether `id` has the serial number of the certificate, and the digest of its issuer's name.
    @unsafe
    private static func isAbout(_ certificate: borrowing Owned, _ id: OpaquePointer?) -> Bool {
        var nameDigest: UnsafeMutablePointer<ASN1_OCTET_STRING>?
        var algorithm: OpaquePointer?
        var serial: UnsafeMutablePointer<ASN1_INTEGER>?
        guard let id = unsafe id,
            unsafe OCSP_id_get0_info(&nameDigest, &algorithm, nil, &serial, id) == 1,
            let nameDigest = unsafe nameDigest,
            unsafe ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate.pointer)) == 0,
            let digest = unsafe EVP_get_digestbyname(OBJ_nid2sn(OBJ_obj2nid(algorithm)))
        else { return false }
        var issuer = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard
            unsafe X509_NAME_digest(X509_get_issuer_name(certificate.pointer), digest, &issuer, &length) == 1
        else { return false }
        let expected = issuer.prefix(Int(length))
        return unsafe ASN1_STRING_length(nameDigest) == Int32(length)
            && expected.elementsEqual(
                UnsafeBufferPointer(start: ASN1_STRING_get0_data(nameDigest), count: Int(length))
            )
    }
}
