// Puts the public place of a 2024-11-05 server into the event that tells clients where to post.

public import Bytes

/// Replaces the data of a stream's `endpoint` events, across any split of the input; every other octet goes on as it is.
///
/// Clients obey each such event, so that the whole stream is looked at: an event is held from its first data to its
/// end.
public struct EndpointRewriter: ~Copyable {
    private var events: EventStreamReader
    private var violation: EndpointViolation?

    /// Whether an `endpoint` event has gone on.
    public private(set) var hasPassedEndpoint = false

    /// Makes a rewriter for one stream that holds at most `maximumEventLength` octets of an event.
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
    ///   - mapping: Gives the public place for the data of the `endpoint` event, whose lines are joined by LF; nil
    ///     refuses it.
    /// - Throws: Why the stream cannot go on. Every later call throws the same.
    public mutating func rewrite(
        _ input: borrowing Span<UInt8>,
        into output: inout ByteBuffer,
        mapping: (borrowing Span<UInt8>) -> [UInt8]?
    ) throws(EndpointViolation) {
        if let violation { throw violation }
        var offset = 0
        while offset < input.count {
            switch events.read(input, at: &offset, passing: &output) {
            case .more: return
            case .event: try passEvent(into: &output, mapping)
            case .tooLong: throw broken(by: .eventTooLong)
            }
        }
    }

    /// Ends the stream: passes on what is held. Parameters and errors as with `rewrite`.
    public mutating func finish(
        into output: inout ByteBuffer,
        mapping: (borrowing Span<UInt8>) -> [UInt8]?
    ) throws(EndpointViolation) {
        if let violation { throw violation }
        if events.finish(passing: &output) { try passEvent(into: &output, mapping) }
    }

    private mutating func passEvent(
        into output: inout ByteBuffer,
        _ mapping: (borrowing Span<UInt8>) -> [UInt8]?
    ) throws(EndpointViolation) {
        guard events.type == .endpoint else { return events.pass(replacing: nil, into: &output) }
        let named = events.joinedData
        guard let place = mapping(named.span) else { throw broken(by: .endpointRefused) }
        guard !place.isEmpty, place.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw broken(by: .mappingInvalid)
        }
        events.pass(replacing: place, into: &output)
        hasPassedEndpoint = true
    }

    private mutating func broken(by violation: EndpointViolation) -> EndpointViolation {
        self.violation = violation
        return violation
    }
}
