// The one way in which audgate reads a length, in every version of HTTP.

internal import Bytes

/// The grammar of `Content-Length` (RFC 9110 §8.6).
public enum ContentLength {
    /// The number in `text`: digits only, without leading zeros, at most 10^15.
    ///
    /// - Throws: `repeatedContentLength` for a list, else `invalidContentLength`.
    public static func value(of text: borrowing Span<UInt8>) throws(MessageViolation) -> Int {
        if text.firstIndex(of: UInt8(ascii: ",")) != nil { throw .repeatedContentLength }
        guard !text.isEmpty, text.count <= 15, text.count == 1 || text[0] != UInt8(ascii: "0")
        else { throw .invalidContentLength }
        var length = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { throw .invalidContentLength }
            length = length * 10 + Int(text[index] - UInt8(ascii: "0"))
        }
        return length
    }
}
