// The W3C trace context of a request: continued if it is well formed, begun if there is none.

internal import Bytes
internal import HTTP

/// Reads `traceparent` (W3C Trace Context §3.2).
enum TraceContext {
    /// Length of a `traceparent` of version 00.
    private static let length = 55

    /// Whether `value` is a `traceparent` of version 00 with trace and parent ids that are not zero.
    static func isValid(_ value: borrowing Span<UInt8>) -> Bool {
        guard value.count == length, value.extracting(0..<3).equals("00-") else { return false }
        return isIdentifier(value.extracting(3..<35)) && value[35] == UInt8(ascii: "-")
            && isIdentifier(value.extracting(36..<52)) && value[52] == UInt8(ascii: "-")
            && isLowerHexadecimal(value[53]) && isLowerHexadecimal(value[54])
    }

    /// Whether the trace context of `request` goes on: it has one valid `traceparent`.
    static func isContinued(by request: borrowing RequestHead) -> Bool {
        request.fields.count(of: .traceparent) == 1
            && isValid(request.bytes.span.extracting(request.value(.traceparent)))
    }

    private static func isIdentifier(_ text: borrowing Span<UInt8>) -> Bool {
        var isZero = true
        for index in text.indices {
            guard isLowerHexadecimal(text[index]) else { return false }
            if text[index] != UInt8(ascii: "0") { isZero = false }
        }
        return !isZero
    }

    private static func isLowerHexadecimal(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f"))
    }
}

/// The identifier of a request in logs: its trace id.
struct RequestID: Equatable {
    private let high: UInt64
    private let low: UInt64

    /// Makes an identifier out of random numbers.
    init(_ high: UInt64, _ low: UInt64) {
        self.high = high
        self.low = low | 1
    }

    /// Reads the trace id of a valid `traceparent`.
    init(traceparent value: borrowing Span<UInt8>) {
        high = Self.number(value.extracting(3..<19))
        low = Self.number(value.extracting(19..<35))
    }

    private static func number(_ digits: borrowing Span<UInt8>) -> UInt64 {
        var number: UInt64 = 0
        for index in digits.indices { number = number << 4 | UInt64(ASCII.hexValue(digits[index]) ?? 0) }
        return number
    }

    /// Appends the 32 hexadecimal digits.
    func append(to buffer: inout ByteBuffer) {
        Self.append(high, to: &buffer)
        Self.append(low, to: &buffer)
    }

    /// Appends the value of a `traceparent` that begins the trace: not sampled, as the gateway keeps no spans of its own.
    func appendTraceparent(parent: UInt64, to buffer: inout ByteBuffer) {
        buffer.append("00-")
        append(to: &buffer)
        buffer.append("-")
        Self.append(parent | 1, to: &buffer)
        buffer.append("-00")
    }

    private static func append(_ value: UInt64, to buffer: inout ByteBuffer) {
        var digits = InlineArray<16, UInt8>(repeating: 0)
        for index in digits.indices {
            digits[index] = ASCII.hexDigit(UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index)))
        }
        buffer.append(digits.span)
    }
}
