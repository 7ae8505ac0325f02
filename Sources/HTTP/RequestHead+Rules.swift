// The rules of a request head that hold in every version of HTTP.

internal import Bytes

extension RequestHead {
    /// Settles which host the request is for (RFC 9112 §3.2, RFC 9113 §8.3.1): one valid `Host`, equal to the target's
    /// authority if that has one. `authority` holds the target's, checked, before and the request's after.
    public mutating func settleAuthority() throws(MessageViolation) {
        guard fields.count(of: .host) <= 1 else { throw .repeatedHost }
        guard let host = fields.first(.host) else {
            switch version {
            // HTTP/1.0 has no Host; health checks of load balancers use that.
            case .http10: guard authority.isEmpty else { throw .missingHost }
            case .http11: throw .missingHost
            // `:authority` stands for it.
            case .http2: guard !authority.isEmpty else { throw .missingHost }
            }
            return
        }
        guard Authority.isValid(bytes.span.extracting(host)) else { throw .invalidHost }
        if !authority.isEmpty {
            let isSame = bytes.span.extracting(authority).equals(bytes.span.extracting(host))
            guard isSame else { throw .hostMismatch }
        }
        authority = host
    }

    /// Reads `Expect` (RFC 9110 §10.1.1), once `framing` is known.
    public mutating func settleExpectation() throws(MessageViolation) {
        for line in fields.lines where line.name == .expect {
            guard bytes.span.extracting(line.valueRange).equalsIgnoringCase("100-continue") else {
                throw .unsupportedExpectation
            }
            expectsContinue = version != .http10 && framing != .none
        }
    }
}
