// What holds for all octets that a connection begins with: the fuzz target of the PROXY header.

import Bytes
import Transport

/// The invariants of `ProxyHeader.parse`.
enum ProxyHeaderInvariants {
    /// What came of the octets so far.
    private enum Outcome: Equatable {
        case more
        case header(ProxyHeader, length: Int)
        case refused
    }

    /// The invariant that `input` breaks, nil if none: every split of it gives the same, as early as it can.
    static func broken(by input: Span<UInt8>) -> String? {
        let whole = outcome(of: input)
        var last = Outcome.more
        for count in 0...min(input.count, ProxyHeader.maximumLength + 1) {
            let outcome = outcome(of: input.extracting(0..<count))
            if last != .more, outcome != last { return "more octets change what was settled" }
            if case .header(_, let length) = outcome {
                guard length <= ProxyHeader.maximumLength else { return "a header that is too long" }
                guard length <= count else { return "a header of octets that have not come" }
                guard last != .more || length == count else { return "a header that was there before" }
            }
            last = outcome
        }
        if input.count > ProxyHeader.maximumLength, last == .more {
            return "more than the bound is waited for"
        }
        return last == whole ? nil : "the split changes what comes of it"
    }

    private static func outcome(of input: Span<UInt8>) -> Outcome {
        do throws(ProxyHeaderError) {
            guard let (header, length) = try ProxyHeader.parse(input) else { return .more }
            return .header(header, length: length)
        } catch {
            return .refused
        }
    }
}
