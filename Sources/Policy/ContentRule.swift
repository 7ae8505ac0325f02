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

    private static func acceptsAnswers(_ request: borrowing RequestHead) -> Bool {
        var accepted = AcceptedTypes()
        var isPresent = false
        let bytes = request.bytes.span
        for line in request.fields.lines where line.name == .accept {
            isPresent = true
            accepted.add(bytes.extracting(line.valueRange))
        }
        return !isPresent || (accepted.takesJSON && accepted.takesEventStreams)
    }
}
