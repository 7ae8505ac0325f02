// What the fields of a message say of its body, before the rules of responses are applied.

/// The length that a head declares.
public enum DeclaredBody: Equatable, Sendable {
    /// No field says anything of a body.
    case nothing
    /// A length, which may be 0.
    case length(Int)
    /// Chunks; HTTP/1.1 only.
    case chunked

    /// Where the body of a response ends (RFC 9112 §6.3).
    ///
    /// - Parameters:
    ///   - status: The status of the response.
    ///   - method: The method of the request that it answers.
    /// - Throws: `conflictingFraming` if a body is declared where there cannot be one.
    public func framing(status: Int, answering method: Method) throws(MessageViolation) -> BodyFraming {
        if status < 200 || status == 204 {
            guard self == .nothing || self == .length(0) else { throw .conflictingFraming }
            return .none
        }
        if method == .head || status == 304 { return .none }
        switch self {
        case .nothing: return .untilClose
        case .length(0): return .none
        case .length(let length): return .length(length)
        case .chunked: return .chunked
        }
    }
}
