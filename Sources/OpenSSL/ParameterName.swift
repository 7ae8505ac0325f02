// Names of OpenSSL parameters as C strings that live as long as the process.

/// The name of an `OSSL_PARAM`, which keeps only the address of its name.
///
/// Invariant of the unsafe code: the text of a `StaticString` literal is immutable, ends with NUL and is never
/// freed.
@safe
struct ParameterName {
    let text: UnsafePointer<CChar>

    private init(_ literal: StaticString) {
        unsafe text = UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    /// `OSSL_MAC_PARAM_DIGEST`.
    static var digest: ParameterName { .init("digest") }
    /// `OSSL_MAC_PARAM_KEY`.
    static var key: ParameterName { .init("key") }
    /// `OSSL_PKEY_PARAM_GROUP_NAME`.
    static var group: ParameterName { .init("group") }
    /// `OSSL_PKEY_PARAM_PUB_KEY`.
    static var publicKey: ParameterName { .init("pub") }
    /// `OSSL_PKEY_PARAM_RSA_N`.
    static var modulus: ParameterName { .init("n") }
    /// `OSSL_PKEY_PARAM_RSA_E`.
    static var exponent: ParameterName { .init("e") }
}
