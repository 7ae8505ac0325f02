// Searching and comparing bytes, and turning them into text when somebody will read it.

internal import Glibc

extension Span<UInt8> {
    /// Index of the first `byte` at or after `start`, nil if there is none.
    public func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start >= 0, start < count else { return nil }
        // `memchr` reads only the `count - start` bytes behind a base that the span keeps alive.
        return unsafe withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress,
                let found = unsafe memchr(base + start, Int32(byte), bytes.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// The bytes of `range`, which must lie within the span.
    @_lifetime(copy self)
    public func extracting(_ range: ByteRange) -> Span<UInt8> {
        extracting(range.start..<range.end)
    }

    /// Whether the bytes of `text` stand somewhere in the span.
    public func contains(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard length > 0 else { return true }
        let first = unsafe text.utf8Start[0]
        var start = 0
        while let index = firstIndex(of: first, from: start), index <= count - length {
            if extracting(index..<index + length).equals(text) { return true }
            start = index + 1
        }
        return false
    }

    /// Whether the bytes are exactly those of `other`.
    public func equals(_ other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBufferPointer { left in
            unsafe other.withUnsafeBufferPointer { right in
                guard let a = left.baseAddress, let b = right.baseAddress else { return true }
                return unsafe memcmp(a, b, left.count) == 0
            }
        }
    }

    /// Whether the bytes are exactly the UTF-8 of `text`.
    public func equals(_ text: String) -> Bool {
        text.withOctets { equals($0) }
    }

    /// Whether the bytes are exactly those of `text`.
    public func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return unsafe withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return true }
            return unsafe memcmp(base, text.utf8Start, bytes.count) == 0
        }
    }

    /// Whether the bytes are those of `lowercase` when ASCII letters count as lower case.
    ///
    /// - Parameter lowercase: ASCII text without upper-case letters.
    public func equalsIgnoringCase(_ lowercase: StaticString) -> Bool {
        guard count == lowercase.utf8CodeUnitCount else { return false }
        let expected = unsafe lowercase.utf8Start
        for index in indices where unsafe ASCII.lowercased(self[index]) != expected[index] { return false }
        return true
    }

    /// Whether the first bytes are those of `lowercase` when ASCII letters count as lower case.
    ///
    /// - Parameter lowercase: ASCII text without upper-case letters.
    public func startsIgnoringCase(with lowercase: StaticString) -> Bool {
        let length = lowercase.utf8CodeUnitCount
        return count >= length && extracting(0..<length).equalsIgnoringCase(lowercase)
    }

    /// The bytes without blanks and tabs at both ends (`OWS` of RFC 9110 §5.6.3).
    public var trimmingBlanks: Span<UInt8> {
        @_lifetime(copy self)
        get {
            var start = 0
            var end = count
            while start < end, Self.isBlank(self[start]) { start += 1 }
            while end > start, Self.isBlank(self[end - 1]) { end -= 1 }
            return extracting(start..<end)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == ASCII.space || byte == ASCII.tab
    }
}

extension String {
    /// A copy of the UTF-8 octets.
    ///
    /// Use this where a span of a string is wanted: `utf8Span` of a short string, which has no memory of its own,
    /// was seen to give other octets in optimised builds of Swift 6.3.1.
    public var octets: [UInt8] { Array(utf8) }

    /// Lends `body` the UTF-8 octets, without a copy.
    @inlinable
    public func withOctets<Result>(_ body: (borrowing Span<UInt8>) -> Result) -> Result {
        let result = unsafe utf8.withContiguousStorageIfAvailable { unsafe body(Span(_unsafeElements: $0)) }
        if let result { return result }
        // A string that was bridged from elsewhere.
        let copy = octets
        return body(copy.span)
    }

    /// Whether both strings are the same octets; `==` also holds for other spellings of the same characters.
    @inlinable
    public func isIdentical(to other: String) -> Bool {
        // Most of what is compared differs in length already.
        guard utf8.count == other.utf8.count else { return false }
        return withOctets { octets in other.withOctets { octets.equals($0) } }
    }

    /// Text of `bytes`; what is not UTF-8 becomes U+FFFD. For logs and messages, not for decisions.
    public init(lossy bytes: borrowing Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Text of `bytes`, nil if they are not well-formed UTF-8.
    public init?(validating bytes: borrowing Span<UInt8>) {
        guard
            let text = unsafe bytes.withUnsafeBufferPointer({ unsafe String(validating: $0, as: UTF8.self) })
        else { return nil }
        self = text
    }
}

extension Array<UInt8> {
    /// A copy of `bytes`.
    public init(copying bytes: borrowing Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
