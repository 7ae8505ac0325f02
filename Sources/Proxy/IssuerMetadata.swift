// The metadata of an authorization server (RFC 8414, OpenID Connect Discovery), and where it is found.

internal import Bytes
internal import HTTP
internal import JOSE
public import JSON
public import Policy

/// A metadata document that names exactly the issuer that it was looked for.
public struct IssuerMetadata: Sendable {
    /// Where it was found.
    public let address: String
    /// The document.
    public let document: JSONObject
    /// The issuer, which is the document's.
    private let issuer: String

    /// Finds the metadata of `issuer`. Blocks for at most ten seconds a document, of which there may be three.
    ///
    /// - Parameters:
    ///   - issuer: The issuer.
    ///   - needsKeys: Whether a document that names no address of keys is passed over.
    /// - Throws: What is wrong with each of its places.
    public static func find(_ issuer: Issuer, needsKeys: Bool) throws(FetchError) -> IssuerMetadata {
        var problems: [String] = []
        for address in addresses(of: issuer.rules.issuer) {
            do throws(FetchError) {
                let found = try IssuerMetadata(at: address, of: issuer)
                if needsKeys { _ = try found.keyAddress() }
                return found
            } catch {
                // Who takes no connection takes none for any of them.
                if !problems.contains(error.problem) { problems.append(error.problem) }
            }
        }
        throw FetchError(problem: problems.joined(separator: " "))
    }

    /// Fetches the document at `address`, which must name the issuer (RFC 8414 §3.3).
    private init(at address: String, of issuer: Issuer) throws(FetchError) {
        let body = try DocumentFetch.get(address, tls: issuer.sourceTLS).body
        guard let document = try? JSONReader.read(body.span).object else {
            throw FetchError(problem: "\(address) is not a JSON object.")
        }
        let expected = issuer.rules.issuer
        guard let named = document["issuer"]?.string, named.isIdentical(to: expected) else {
            let other = document["issuer"]?.string.map { "\"\($0.prefix(200))\"" } ?? "no issuer"
            throw FetchError(problem: "\(address) names \(other), not the issuer \(expected).")
        }
        self.address = address
        self.document = document
        self.issuer = expected
    }

    /// Where the keys are.
    ///
    /// - Throws: When the document does not say so, or names a place that cannot be trusted.
    func keyAddress() throws(FetchError) -> String {
        guard let keys = document["jwks_uri"]?.string, let url = try? HTTPURL(keys, allowsQuery: true) else {
            throw FetchError(problem: "\(address) names no jwks_uri.")
        }
        // Keys in clear text from elsewhere would undo the trust in the issuer, and a remote issuer has no business on
        // this machine's loopback.
        let isLocal = ResourceURI.isLoopback(host: url.host) && !issuer.hasPrefix("https://")
        guard url.isSecure || isLocal else {
            throw FetchError(problem: "\(address) names a jwks_uri that is not https.")
        }
        return keys
    }

    /// The places of metadata: the well-known segment before the issuer's path (RFC 8414 §3.1), then OpenID
    /// Connect's, before and behind the path.
    public static func addresses(of issuer: String) -> [String] {
        guard let url = try? HTTPURL(issuer) else { return [] }
        let origin = "\(url.isSecure ? "https" : "http")://\(url.authority)"
        let path = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        var addresses = [
            "\(origin)/.well-known/oauth-authorization-server\(path)",
            "\(origin)/.well-known/openid-configuration\(path)",
        ]
        if !path.isEmpty { addresses.append("\(origin)\(path)/.well-known/openid-configuration") }
        return addresses
    }
}

extension Issuer {
    /// What https to the sources of its keys needs, nil if none of them may be reached by it.
    var sourceTLS: UpstreamTLS? { tls.map { UpstreamTLS(context: $0, serverName: serverName) } }
}
