// `ToolListFilter` for event streams.

public import Bytes

/// Filters the messages of one event stream across any split of the input.
///
/// An event is held from its first data to its end. Comments, `retry`, `id`, and events that are no messages go on
/// as they are. Where a message has to change, lines of its data that are left over become empty comments.
public struct ToolListStreamFilter: ~Copyable {
    private var events: EventStreamReader
    private var violation: ToolListViolation?

    /// Makes a filter for one stream that holds at most `maximumEventLength` octets, three times as much while it
    /// filters an event.
    public init(maximumEventLength: Int) {
        events = EventStreamReader(maximumLength: maximumEventLength)
    }

    /// Number of octets that are held.
    public var heldLength: Int { events.heldLength }

    /// Takes the next octets of the stream.
    ///
    /// - Parameters:
    ///   - input: What the upstream sent.
    ///   - output: Receives what may go on.
    ///   - isVisible: Whether the tool of this name (UTF-8, escapes resolved) may be seen.
    /// - Throws: Why the stream cannot go on. Every later call throws the same.
    public mutating func filter(
        _ input: borrowing Span<UInt8>,
        into output: inout ByteBuffer,
        isVisible: (borrowing Span<UInt8>) -> Bool
    ) throws(ToolListViolation) {
        if let violation { throw violation }
        var offset = 0
        while offset < input.count {
            switch events.read(input, at: &offset, passing: &output) {
            case .more: return
            case .event: try passEvent(into: &output, isVisible)
            case .tooLong: throw broken(by: .eventTooLong)
            }
        }
    }

    /// Ends the stream: passes on what is held. Parameters and errors as with `filter`.
    public mutating func finish(
        into output: inout ByteBuffer,
        isVisible: (borrowing Span<UInt8>) -> Bool
    ) throws(ToolListViolation) {
        if let violation { throw violation }
        if events.finish(passing: &output) { try passEvent(into: &output, isVisible) }
    }

    private mutating func passEvent(
        into output: inout ByteBuffer,
        _ isVisible: (borrowing Span<UInt8>) -> Bool
    ) throws(ToolListViolation) {
        guard events.type == .message else { return events.pass(replacing: nil, into: &output) }
        let message = events.joinedData
        guard !message.isEmpty else { return events.pass(replacing: nil, into: &output) }
        let edits: ToolListEdits
        do throws(ToolListViolation) {
            edits = try ToolListEdits(of: message.span, isVisible: isVisible)
        } catch {
            throw broken(by: error)
        }
        guard !edits.isEmpty else { return events.pass(replacing: nil, into: &output) }
        var filtered = ByteBuffer()
        edits.apply(to: message.span, into: &filtered)
        events.pass(replacing: [UInt8](copying: filtered.span), into: &output)
    }

    private mutating func broken(by violation: ToolListViolation) -> ToolListViolation {
        self.violation = violation
        return violation
    }
}
