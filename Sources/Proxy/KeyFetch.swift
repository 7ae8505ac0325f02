// Gets the keys of an issuer from where they are (RFC 8414, OpenID Connect Discovery, RFC 7517).

internal import Bytes
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
    /// - Parameters:
    ///   - issuer: The issuer.
    ///   - metadata: Its metadata, if it has been found already.
    /// - Throws: What is wrong with the source, or with the keys that it has.
    public static func fetch(
        _ issuer: Issuer,
        by metadata: IssuerMetadata? = nil
    ) throws(FetchError) -> FetchedKeys {
        let source = try source(of: issuer, by: metadata)
        let document =
            if case .file(let path) = issuer.keySource {
                try read(path)
            } else {
                try DocumentFetch.get(source, tls: issuer.sourceTLS)
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

    /// Where the keys of `issuer` are: the path of a file, or an address. Asks for its metadata where that is needed and
    /// not given.
    public static func source(
        of issuer: Issuer,
        by metadata: IssuerMetadata? = nil
    ) throws(FetchError) -> String {
        switch issuer.keySource {
        case .file(let path): return path
        case .uri(let address): return address
        case .discover:
            if let metadata { return try metadata.keyAddress() }
            return try IssuerMetadata.find(issuer, needsKeys: true).keyAddress()
        }
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
