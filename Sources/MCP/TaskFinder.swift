// Finds the task that a server answers with, in an answer on its way through.

internal import Bytes
internal import JSON

/// Reads along with one response, JSON or an event stream, across any split of its octets, until it knows the id of the
/// task that the response tells of. It changes nothing, holds nothing back, and gives up quietly on what is longer than
/// such an answer can be.
///
/// A task stands in the result: in `task` since 2025-11-25, in the result itself in the tasks extension.
public struct TaskFinder: ~Copyable {
    /// Most octets of a JSON body, or of one event, that are read.
    public static let maximumLength = 16 * 1024

    /// A JSON body so far, nil if the response is none or nothing more is looked for.
    private var body: ByteBuffer?
    private let bodyLength: Int?
    /// An event stream, nil if the response is none or nothing more is looked for.
    private var events: EventStreamReader?

    /// Makes a finder for a JSON body; `length` is the number of its octets, nil if that is not known.
    public init(jsonOfLength length: Int?) {
        body = length ?? 0 <= Self.maximumLength ? ByteBuffer() : nil
        bodyLength = length
    }

    /// Makes a finder for an event stream.
    public init(eventStream: Void) {
        events = EventStreamReader(maximumLength: Self.maximumLength)
        bodyLength = nil
    }

    /// Whether nothing more is looked for.
    public var isOver: Bool { body == nil && events == nil }

    /// Reads the next octets of the response, or its end; the octets of the task's id once they are known.
    public mutating func read(_ octets: borrowing Span<UInt8>, isEnd: Bool = false) -> [UInt8]? {
        if var events = events.take() {
            var id: [UInt8]?
            if Self.read(octets, isEnd: isEnd, &events, &id) { self.events = consume events }
            return id
        }
        guard var body = body.take(), body.count + octets.count <= Self.maximumLength else { return nil }
        body.append(octets)
        guard isEnd || body.count == bodyLength else {
            self.body = consume body
            return nil
        }
        return Self.taskID(in: body.span)
    }

    /// Reads events up to the first that tells of a task; true if later ones may.
    private static func read(
        _ octets: borrowing Span<UInt8>,
        isEnd: Bool,
        _ events: inout EventStreamReader,
        _ id: inout [UInt8]?
    ) -> Bool {
        // What the reader would pass on has gone on already.
        var passed = ByteBuffer()
        var offset = 0
        while offset < octets.count {
            switch events.read(octets, at: &offset, passing: &passed) {
            case .more: break
            case .event: take(&events, &passed, &id)
            case .tooLong: return false
            }
            passed.removeAll()
            guard id == nil else { return false }
        }
        if isEnd, events.finish(passing: &passed) { take(&events, &passed, &id) }
        return !isEnd && id == nil
    }

    private static func take(
        _ events: inout EventStreamReader,
        _ passed: inout ByteBuffer,
        _ id: inout [UInt8]?
    ) {
        if events.type == .message {
            let message = events.joinedData
            id = taskID(in: message.span)
        }
        events.pass(replacing: nil, into: &passed)
    }

    /// The octets of the id of the task that a message tells of, nil if it tells of none.
    private static func taskID(in message: borrowing Span<UInt8>) -> [UInt8]? {
        // Most messages are told from those of tasks without being read.
        guard message.contains("taskId"), let result = try? JSONReader.read(message).object?["result"]?.object
        else { return nil }
        let id =
            result["task"]?.object?["taskId"]?.string
            ?? (result["resultType"]?.string == "task" ? result["taskId"]?.string : nil)
        return id?.octets
    }
}
