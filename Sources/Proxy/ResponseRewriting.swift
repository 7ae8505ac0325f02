// What a response is rewritten by: tools that a token may not call are hidden, addresses of 2024-11-05 are sealed.

internal import Bytes
internal import MCP

/// The rewriting of one response, across any split of its octets.
enum ResponseRewriting: ~Copyable {
    /// Hides tools in a JSON body, which is held until it is complete.
    case tools(ByteBuffer)
    /// Seals the addresses in the `endpoint` events of a stream, hides tools in it, or does both.
    case stream(EndpointRewriter?, ToolListStreamFilter?)

    /// Why a body may not go on, in words for the log.
    struct Violation: Error {
        let detail: String
    }

    /// Takes octets of the body, or its end, and appends what may go on.
    ///
    /// - Parameters:
    ///   - octets: The octets; none at the end.
    ///   - isEnd: Whether the body has ended.
    ///   - maximumLength: Most octets of a JSON body that is held.
    ///   - output: Gets what may go on.
    ///   - isVisible: Whether the client may see the tool of this name.
    ///   - place: Where clients post to, for what the server says; nil if that is no place of its own.
    /// - Returns: Number of octets that are held.
    /// - Throws: Why nothing may go on.
    mutating func rewrite(
        _ octets: borrowing Span<UInt8>,
        isEnd: Bool,
        maximumLength: Int,
        into output: inout ByteBuffer,
        isVisible: (borrowing Span<UInt8>) -> Bool,
        place: (borrowing Span<UInt8>) -> [UInt8]?
    ) throws(Violation) -> Int {
        var problem: String?
        var heldLength = 0
        switch consume self {
        case .tools(var body):
            body.append(octets)
            if body.count > maximumLength { problem = "too long to be filtered" }
            if isEnd, problem == nil { problem = Self.filter(body, into: &output, isVisible) }
            heldLength = body.count
            self = .tools(body)
        case .stream(var rewriter, var filter):
            var addressed = ByteBuffer()
            problem = Self.seal(octets, isEnd, &rewriter, into: &addressed, place)
            if problem == nil { problem = Self.filter(addressed, isEnd, &filter, into: &output, isVisible) }
            heldLength = (rewriter?.heldLength ?? 0) + (filter?.heldLength ?? 0)
            self = .stream(rewriter, filter)
        }
        if let problem { throw Violation(detail: problem) }
        return heldLength
    }

    private static func seal(
        _ octets: borrowing Span<UInt8>,
        _ isEnd: Bool,
        _ rewriter: inout EndpointRewriter?,
        into output: inout ByteBuffer,
        _ place: (borrowing Span<UInt8>) -> [UInt8]?
    ) -> String? {
        do throws(EndpointViolation) {
            guard rewriter != nil else {
                output.append(octets)
                return nil
            }
            try rewriter?.rewrite(octets, into: &output, mapping: place)
            if isEnd { try rewriter?.finish(into: &output, mapping: place) }
            return nil
        } catch {
            return error.rawValue
        }
    }

    private static func filter(
        _ stream: borrowing ByteBuffer,
        _ isEnd: Bool,
        _ filter: inout ToolListStreamFilter?,
        into output: inout ByteBuffer,
        _ isVisible: (borrowing Span<UInt8>) -> Bool
    ) -> String? {
        do throws(ToolListViolation) {
            guard filter != nil else {
                output.append(stream.span)
                return nil
            }
            try filter?.filter(stream.span, into: &output, isVisible: isVisible)
            if isEnd { try filter?.finish(into: &output, isVisible: isVisible) }
            return nil
        } catch {
            return error.rawValue
        }
    }

    private static func filter(
        _ body: borrowing ByteBuffer,
        into output: inout ByteBuffer,
        _ isVisible: (borrowing Span<UInt8>) -> Bool
    ) -> String? {
        do throws(ToolListViolation) {
            try ToolListFilter.filter(body.span, into: &output, isVisible: isVisible)
            return nil
        } catch {
            return error.rawValue
        }
    }
}
