// What other tracing systems keep beside a `traceparent`: passed on as it is, so it must be what it claims to be.

internal import Bytes
internal import HTTP

/// The grammar of `tracestate` (W3C Trace Context Level 2, §3.3).
enum TraceState {
    /// Most members of a list.
    private static let maximumMembers = 32
    /// Most octets of a key, and of a value.
    private static let maximumLength = 256

    /// Whether `value` is a list with at least one member and no more than allowed.
    static func isValid(_ value: borrowing Span<UInt8>) -> Bool {
        guard let count = memberCount(of: value) else { return false }
        return count > 0 && count <= maximumMembers
    }

    /// The same for all `tracestate` fields of a request together, which are one list (RFC 9110 §5.3).
    static func isValid(of request: borrowing RequestHead) -> Bool {
        var count = 0
        for line in request.fields.lines where line.name == .tracestate {
            guard let more = memberCount(of: request.bytes.span.extracting(line.valueRange)) else {
                return false
            }
            count += more
        }
        return count > 0 && count <= maximumMembers
    }

    /// Number of members of a list; nil if one of them is malformed. Empty members are allowed and do not count.
    private static func memberCount(of list: borrowing Span<UInt8>) -> Int? {
        var count = 0
        var start = 0
        while start <= list.count {
            let end = list.firstIndex(of: UInt8(ascii: ","), from: start) ?? list.count
            let member = list.extracting(start..<end).trimmingBlanks
            if !member.isEmpty {
                guard isMember(member) else { return nil }
                count += 1
            }
            start = end + 1
        }
        return count
    }

    private static func isMember(_ member: borrowing Span<UInt8>) -> Bool {
        guard let equals = member.firstIndex(of: UInt8(ascii: "=")) else { return false }
        return isKey(member.extracting(0..<equals)) && isValue(member.extracting((equals + 1)...))
    }

    private static func isKey(_ key: borrowing Span<UInt8>) -> Bool {
        guard !key.isEmpty, key.count <= maximumLength, isLetterOrDigit(key[0]) else { return false }
        for index in key.indices {
            switch key[index] {
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"),
                UInt8(ascii: "@"):
                continue
            case let byte: guard isLetterOrDigit(byte) else { return false }
            }
        }
        return true
    }

    /// Whether `value` is printable without comma and equals sign; that it does not end with a blank is sure here.
    private static func isValue(_ value: borrowing Span<UInt8>) -> Bool {
        guard !value.isEmpty, value.count <= maximumLength else { return false }
        for index in value.indices {
            let byte = value[index]
            guard byte >= ASCII.space, byte < 0x7F, byte != UInt8(ascii: ","), byte != UInt8(ascii: "=")
            else { return false }
        }
        return true
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z"))
    }
}
