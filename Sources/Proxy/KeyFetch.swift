// Gets the keys of an issuer from where they are (RFC 8414, OpenID Connect Discovery, RFC 7517).

internal import Bytes
internal import HTTP
public import JOSE
internal import JSON
public import Policy
internal import Transport

/// Keys as they were found.
public struct FetchedKeys: Sendable {
    /// The text of the key set, for telling whether it has changed.
    let text: [UInt8]
    /// The keys.
    public let keySet: KeySet
    /// How long they may be kept, in seconds; nil if the source says nothing.
    let maximumAge: Int?
}

/// One fetch of the keys of one issuer. Blocks; never called on a worker.
public enum KeyFetch {
    /// Gets the keys of `issuer` from its configured source. Blocks for at most ten seconds a document, and discovery
    /// may ask for four.
    ///
    /// - Throws: What is wrong with the source, or with the keys that it has.
    public static func fetch(_ issuer: Issuer) throws(FetchError) -> FetchedKeys {
        let tls = issuer.tls.map { UpstreamTLS(context: $0, serverName: issuer.serverName) }
        let document =
            switch issuer.keySource {
            case .file(let path): try read(path)
            case .uri(let address): try DocumentFetch.get(address, tls: tls)
            case .discover: try DocumentFetch.get(try discover(issuer.rules.issuer, tls), tls: tls)
            }
        do {
            let keySet = try KeySet(document.body.span)
            return FetchedKeys(text: document.body, keySet: keySet, maximumAge: document.maximumAge)
        } catch {
            let skipped = error.skipped.map {
                "\($0.keyID ?? "key \($0.index)"): \($0.refusal.reason.rawValue)"
            }
            let isKeySet = if case .noUsableKey = error { true } else { false }
            throw FetchError(
                problem: (["The key set is of no use (\(error.code))."] + skipped).joined(separator: " "),
                endsKeys: isKeySet
            )
        }
    }

    /// Finds the address of the keys in the metadata of an issuer, which must name exactly that issuer (RFC 8414 §3.3).
    private static func discover(_ issuer: String, _ tls: UpstreamTLS?) throws(FetchError) -> String {
        var problems: [String] = []
        for address in metadataAddresses(of: issuer) {
            do throws(FetchError) {
                return try keyAddress(in: try DocumentFetch.get(address, tls: tls).body, at: address, issuer)
            } catch {
                problems.append(error.problem)
            }
        }
        throw FetchError(problem: problems.joined(separator: " "))
    }

    /// The places of metadata: the well-known segment before the issuer's path (RFC 8414 §3.1), then OpenID
    /// Connect's, before and behind the path.
    static func metadataAddresses(of issuer: String) -> [String] {
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

    private static func keyAddress(
        in metadata: [UInt8],
        at address: String,
        _ issuer: String
    ) throws(FetchError) -> String {
        guard let document = try? JSONReader.read(metadata.span).object else {
            throw FetchError(problem: "\(address) is not a JSON object.")
        }
        guard let named = document["issuer"]?.string, named.isIdentical(to: issuer) else {
            throw FetchError(problem: "\(address) names another issuer than \(issuer).")
        }
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

    private static func read(_ path: String) throws(FetchError) -> FetchedDocument {
        do throws(FileError) {
            let content = try FileContent.read(path, maximumBytes: KeySet.maximumLength)
            return FetchedDocument(body: Array(copying: content.span), maximumAge: nil)
        } catch {
            throw FetchError(problem: "\(path) cannot be read: \(error.reason).")
        }
    }
}
