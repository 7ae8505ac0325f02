// Fetches one small document: key sets and metadata of issuers. Blocks; never called on a worker.

internal import Policy

/// A document with how long it may be kept.
struct FetchedDocument {
    /// The content.
    let body: [UInt8]
    /// `max-age` of `Cache-Control` in seconds; nil if it says nothing.
    let maximumAge: Int?
}

/// Why a document could not be had, in a sentence for the log.
public struct FetchError: Error {
    /// One or more sentences. They may hold texts of the source.
    public let problem: String
    /// Whether the source did answer, and said that the issuer has no key: the keys that were used before are over.
    let endsKeys: Bool

    init(problem: String, endsKeys: Bool = false) {
        self.problem = problem
        self.endsKeys = endsKeys
    }
}

/// Documents at addresses.
enum DocumentFetch {
    /// Fetches the document at `address`.
    ///
    /// - Parameters:
    ///   - address: An http or https URL.
    ///   - tls: What https needs.
    static func get(_ address: String, tls: UpstreamTLS?) throws(FetchError) -> FetchedDocument {
        let response: BackgroundResponse
        do throws(BackgroundFailure) {
            var request = try BackgroundRequest(to: address)
            request.fields = [("Accept", "application/json")]
            request.tls = tls
            response = try request.send()
        } catch {
            throw FetchError(problem: error.problem)
        }
        guard response.status == 200 else {
            throw FetchError(problem: "\(address) answered with status \(response.status).")
        }
        return FetchedDocument(body: response.body, maximumAge: response.maximumAge)
    }
}
