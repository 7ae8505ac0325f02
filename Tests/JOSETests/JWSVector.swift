// A signed text with the key that it is to be checked under.

import Testing

/// One row of the vector tables.
struct JWSVector: CustomTestStringConvertible, Sendable {
    let name: String
    /// A JWK.
    let key: String
    /// A compact JWS.
    let jws: String

    var testDescription: String { name }
}
