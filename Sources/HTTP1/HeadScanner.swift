// Finds where a head ends, however the bytes arrive, without reading any byte twice.

internal import Bytes
internal import HTTP

/// Looks for the empty line that ends a head; refuses line ends other than CRLF as soon as they are seen.
struct HeadScanner: Sendable {
    private var scanned = 0
    private var lineStart = 0

    /// Length of the head at the start of `input`, nil if its end has not arrived yet.
    ///
    /// `input` begins with the same bytes at each call, until an end was found or an error thrown.
    mutating func headLength(
        of input: borrowing Span<UInt8>,
        limits: MessageLimits
    ) throws(MessageViolation) -> Int? {
        while let lineFeed = input.firstIndex(of: ASCII.lineFeed, from: scanned) {
            // Lengths first, as they are all that is known of a line while its end has not arrived.
            if lineStart == 0, lineFeed >= limits.startLineBytes { throw .startLineTooLong }
            guard lineFeed < limits.headerBytes else { throw .headTooLong }
            guard lineFeed > lineStart, input[lineFeed - 1] == ASCII.carriageReturn else {
                throw .bareLineEnd
            }
            scanned = lineFeed + 1
            defer { lineStart = scanned }
            guard lineFeed - 1 == lineStart else { continue }
            let length = scanned
            self = HeadScanner()
            return length
        }
        scanned = input.count
        if lineStart == 0, input.count >= limits.startLineBytes { throw .startLineTooLong }
        guard input.count < limits.headerBytes else { throw .headTooLong }
        return nil
    }
}
