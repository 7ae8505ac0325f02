// Puts the public place of a 2024-11-05 server into the event that tells clients where to post.

public import Bytes

/// Replaces the data of a stream's first `endpoint` event, across any split of the input; every other octet goes on
/// as it is.
///
/// Until that event has passed, an event is held from its first data to its end, at most `maximumEventLength`
/// octets. After it nothing is looked at or held any more.
public struct EndpointRewriter: ~Copyable {
    /// Most octets of one event or line before the end of the `endpoint` event.
    public static let maximumEventLength = 65536

    private enum State {
        case searching
        case passing
        case broken(EndpointViolation)
    }

    private var events = EventStreamReader(maximumLength: maximumEventLength)
    private var state = State.searching

    /// Makes a rewriter for one stream.
    public init() {}

    /// Whether the `endpoint` event has gone on.
    public var hasPassedEndpoint: Bool {
        if case .passing = state { true } else { false }
    }

    /// Number of octets that are held.
    public var heldLength: Int { events.heldLength }

    /// Takes the next octets of the stream.
    ///
    /// - Parameters:
    ///   - input: What the upstream sent.
    ///   - output: Receives what may go on.
    ///   - mapping: Gives the public place for the data of the `endpoint` event, whose lines are joined by LF; nil
    ///     refuses it. Called at most once in a stream.
    /// - Throws: Why the stream cannot go on. Every later call throws the same.
    public mutating func rewrite(
        _ input: borrowing Span<UInt8>,
        into output: inout ByteBuffer,
        mapping: (borrowing Span<UInt8>) -> [UInt8]?
    ) throws(EndpointViolation) {
        var offset = 0
        while offset < input.count {
            switch state {
            case .broken(let violation): throw violation
            case .passing:
                output.append(input.extracting(offset...))
                return
            case .searching:
                switch events.read(input, at: &offset, passing: &output) {
                case .more: return
                case .event: try passEvent(into: &output, mapping)
                case .tooLong: throw broken(by: .eventTooLong)
                }
            }
        }
    }

    /// Ends the stream: passes on what is held. Parameters and errors as with `rewrite`.
    public mutating func finish(
        into output: inout ByteBuffer,
        mapping: (borrowing Span<UInt8>) -> [UInt8]?
    ) throws(EndpointViolation) {
        switch state {
        case .broken(let violation): throw violation
        case .passing: return
        case .searching: if events.finish(passing: &output) { try passEvent(into: &output, mapping) }
        }
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
        state = .passing
    }

    private mutating func broken(by violation: EndpointViolation) -> EndpointViolation {
        state = .broken(violation)
        return violation
    }
}
