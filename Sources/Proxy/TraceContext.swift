// The W3C trace context of a request: which trace it belongs to, and which span asked for it.

internal import Bytes
internal import HTTP

/// What a `traceparent` says (W3C Trace Context §3.2).
struct TraceContext: Equatable {
    /// Length of a `traceparent` of version 00.
    private static let length = 55
    /// The one flag that version 00 knows: somebody before has recorded a span, and expects the same of others.
    private static let sampledFlag: UInt8 = 1

    /// The trace.
    let trace: RequestID
    /// The span that asked, never 0.
    let span: UInt64
    /// Whether spans of the trace are recorded.
    let isSampled: Bool

    /// Makes the context that the gateway names to a server.
    init(trace: RequestID, span: UInt64, isSampled: Bool) {
        self.trace = trace
        self.span = span
        self.isSampled = isSampled
    }

    /// Reads a `traceparent` of version 00 with trace and parent ids that are not zero; nil if `value` is none.
    init?(_ value: borrowing Span<UInt8>) {
        guard value.count == Self.length, value.extracting(0..<3).equals("00-"),
            value[35] == UInt8(ascii: "-"), value[52] == UInt8(ascii: "-"),
            let high = Self.number(value.extracting(3..<19)),
            let low = Self.number(value.extracting(19..<35)),
            let span = Self.number(value.extracting(36..<52)),
            let flags = Self.number(value.extracting(53..<55)),
            high | low != 0, span != 0
        else { return nil }
        trace = RequestID(high: high, low: low)
        self.span = span
        isSampled = UInt8(truncatingIfNeeded: flags) & Self.sampledFlag != 0
    }

    /// The context of a request that has exactly one valid `traceparent`; nil if it has not.
    init?(of request: borrowing RequestHead) {
        guard request.fields.count(of: .traceparent) == 1 else { return nil }
        self.init(request.bytes.span.extracting(request.value(.traceparent)))
    }

    /// What lower-case hexadecimal digits denote, nil if there are others.
    private static func number(_ digits: borrowing Span<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for index in digits.indices {
            let digit = digits[index]
            guard let value = ASCII.hexValue(digit), digit == ASCII.lowercased(digit) else { return nil }
            number = number << 4 | UInt64(value)
        }
        return number
    }

    /// Appends the `traceparent`.
    func append(to buffer: inout ByteBuffer) {
        buffer.append("00-")
        trace.append(to: &buffer)
        buffer.append("-")
        buffer.append(sixteenDigits: span)
        buffer.append(isSampled ? "-01" : "-00")
    }
}

/// The identifier of a request in logs: its trace id.
struct RequestID: Equatable {
    private let high: UInt64
    /// The last 64 bits, by which traces are chosen.
    let low: UInt64

    /// Makes an identifier out of random numbers; it is never zero.
    init(_ high: UInt64, _ low: UInt64) {
        self.high = high
        self.low = low | 1
    }

    /// Takes over a trace id.
    fileprivate init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The 32 hexadecimal digits.
    var hexadecimal: String { high.sixteenDigits + low.sixteenDigits }

    /// Appends the 32 hexadecimal digits.
    func append(to buffer: inout ByteBuffer) {
        buffer.append(sixteenDigits: high)
        buffer.append(sixteenDigits: low)
    }
}

extension UInt64 {
    /// The number in 16 lower-case hexadecimal digits.
    var sixteenDigits: String {
        let digits = hexadecimalDigits
        return String(lossy: digits.span)
    }

    fileprivate var hexadecimalDigits: InlineArray<16, UInt8> {
        var digits = InlineArray<16, UInt8>(repeating: 0)
        for index in digits.indices {
            digits[index] = ASCII.hexDigit(UInt8(truncatingIfNeeded: self >> UInt64(60 - 4 * index)))
        }
        return digits
    }
}

extension ByteBuffer {
    /// Appends `value` in 16 lower-case hexadecimal digits.
    fileprivate mutating func append(sixteenDigits value: UInt64) {
        let digits = value.hexadecimalDigits
        append(digits.span)
    }
}
