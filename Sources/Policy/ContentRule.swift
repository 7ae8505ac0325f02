// What the content of a request may be, decided from its head.

internal import Bytes
internal import HTTP
internal import MCP

/// Checks of media types and sizes (MCP transports; RFC 9110 §8 and §12).
enum ContentRule {
    /// Why the content of `request` is refused, nil if it is not.
    static func refusal(of request: borrowing RequestHead, limits: Limits) -> AccessReason? {
        guard request.method == .post else { return request.framing == .none ? nil : .contentNotAllowed }
        let bytes = request.bytes.span
        guard request.fields.count(of: .contentType) == 1,
            MediaType.isJSON(bytes.extracting(request.value(.contentType)))
        else { return .contentTypeUnsupported }
        for line in request.fields.lines where line.name == .contentEncoding {
            guard bytes.extracting(line.valueRange).equalsIgnoringCase("identity") else {
                return .contentEncodingUnsupported
            }
        }
        if ProtocolRules.isModern(bytes.extracting(request.value(.mcpProtocolVersion))),
            !acceptsAnswers(request)
        {
            return .notAcceptable
        }
        if case .length(let length) = request.framing, length > limits.bodyBytes { return .contentTooLarge }
        return nil
    }

    private static func isZeroQuality(_ parameter: String) -> Bool {
        parameter.hasPrefix("q=0") && parameter.dropFirst(2).allSatisfy { $0 == "0" || $0 == "." }
    }

    private static func acceptsAnswers(_ request: borrowing RequestHead) -> Bool {
        var acceptsJSON = false
        var acceptsEvents = false
        var isPresent = false
        let bytes = request.bytes.span
        for line in request.fields.lines where line.name == .accept {
            isPresent = true
            for range in String(lossy: bytes.extracting(line.valueRange)).lowercased().split(separator: ",") {
                let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
                // A quality of 0 means "not acceptable" (RFC 9110 §12.4.2).
                guard let type = parts.first, !parts.contains(where: isZeroQuality) else { continue }
                acceptsJSON = acceptsJSON || ["application/json", "application/*", "*/*"].contains(type)
                acceptsEvents = acceptsEvents || ["text/event-stream", "text/*", "*/*"].contains(type)
            }
        }
        return !isPresent || (acceptsJSON && acceptsEvents)
    }
}
