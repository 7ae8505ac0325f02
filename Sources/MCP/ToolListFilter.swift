// Hides the tools of a `tools/list` result that a token may not call.

public import Bytes

/// Filters JSON-RPC answers, in a JSON body or in an event stream.
///
/// A tool list is any `result` that has `tools`: ids do not tell, since a stream may replay the answer to another
/// request. Elements of `tools` that are not visible are cut out; `cacheScope` becomes `private` where it is there,
/// or `ttlMs` is. Everything else goes on octet for octet, errors and other results untouched.
///
/// What cannot be read for certain is refused, never passed: another reader may see tools in it.
public enum ToolListFilter {
    /// Deepest nesting of arrays and objects.
    public static let maximumDepth = 128

    /// Filters a whole JSON body, which holds one message or an array of messages (2025-03-26).
    ///
    /// - Parameters:
    ///   - body: The body without any content coding; its bound is the caller's. Time is linear in its length.
    ///   - output: Receives the filtered body; nothing if there is an error.
    ///   - isVisible: Whether the tool of this name (UTF-8, escapes resolved) may be seen.
    /// - Throws: Why the body cannot go on.
    public static func filter(
        _ body: borrowing Span<UInt8>,
        into output: inout ByteBuffer,
        isVisible: (borrowing Span<UInt8>) -> Bool
    ) throws(ToolListViolation) {
        try ToolListEdits(of: body, isVisible: isVisible).apply(to: body, into: &output)
    }
}
