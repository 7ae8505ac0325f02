// The paths that are the gateway's own: health, and the whole well-known space (RFC 8615, RFC 9728).

internal import Bytes
internal import HTTP

/// Answers that need no route; none of these paths ever reaches a server.
enum OwnPaths {
    private static let allow = "GET, HEAD, OPTIONS"

    // Step 3, for any `Host`
    static func answerHealth(_ request: borrowing RequestHead, _ scene: RequestScene) throws(Stop) {
        guard request.bytes.span.extracting(request.target.path).equals(scene.healthPath) else { return }
        guard request.method == .get || request.method == .head || request.method == .options else {
            throw .methodNotAllowed(allow)
        }
        let status: StaticString = scene.isReady ? "{\"status\":\"ready\"}" : "{\"status\":\"unavailable\"}"
        var response = LocalResponse(status: scene.isReady ? 200 : 503, reason: .access(.health))
        response.add("Content-Type", "application/json")
        response.add("Cache-Control", "no-store")
        response.body = Array(String(describing: status).utf8)
        throw .respond(response)
    }

    // Step 3, for a known `Host`
    static func answerWellKnown(
        _ request: borrowing RequestHead,
        _ authority: Int,
        _ snapshot: Snapshot
    ) throws(Stop) {
        let path = request.bytes.span.extracting(request.target.path)
        if let resourcePath = metadataSuffix(of: path) {
            let id = snapshot.table.metadata(
                authority: authority,
                resourcePath: path.extracting(resourcePath...)
            )
            guard let id else { throw .refuse(.pathReserved) }
            try answerMetadata(request, id, snapshot)
        }
        if ReservedPath.reserved(in: path) != nil { throw .refuse(.pathReserved) }
    }

    private static func answerMetadata(
        _ request: borrowing RequestHead,
        _ id: RouteID,
        _ snapshot: Snapshot
    ) throws(Stop) {
        var response = LocalResponse(status: 200, reason: .access(.metadata))
        response.route = id
        response.add("Access-Control-Allow-Origin", "*")
        switch request.method {
        case .get, .head:
            response.add("Content-Type", "application/json")
            response.add("Cache-Control", "public, max-age=3600")
            response.body = snapshot.route(id).metadataDocument
        case .options:
            response.status = 204
            response.reason = .access(.preflight)
            response.add("Access-Control-Allow-Methods", allow)
            response.add("Access-Control-Allow-Headers", "MCP-Protocol-Version, Content-Type, Accept")
            response.add("Access-Control-Max-Age", "7200")
        default: throw .methodNotAllowed(allow)
        }
        throw .respond(response)
    }

    /// Offset behind the well-known prefix if `path` is the prefix itself or goes on below it.
    private static func metadataSuffix(of path: borrowing Span<UInt8>) -> Int? {
        let length = ResourceURI.wellKnownPrefix.utf8.count
        guard path.count >= length, path.extracting(0..<length).equals(ResourceURI.wellKnownPrefix),
            path.count == length || path[length] == UInt8(ascii: "/")
        else { return nil }
        return length
    }
}
