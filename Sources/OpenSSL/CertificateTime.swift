// Times of certificates as Unix seconds.

internal import COpenSSL
internal import Glibc

/// Reads `ASN1_TIME`.
enum CertificateTime {
    /// Unix seconds of `time`; nil if there is none, or it is no time.
    @unsafe
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        guard let time = unsafe time else { return nil }
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return unsafe Int64(timegm(&parts))
    }
}
