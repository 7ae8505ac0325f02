// What holds for every event stream and every body, good or bad: the fuzz target of the rewriter and the filter.

import Bytes
import JSON
import MCP

/// The invariants of `EndpointRewriter`, `ToolListStreamFilter`, `ToolListFilter` and `TaskFinder`. Tools whose name begins with
/// `h` are hidden; the first octet of the input says how the stream is split.
enum EventStreamInvariants {
    private static let place = "/p?session_id=S"
    private static let maximumEventLength = 4096

    /// The invariant that `input` breaks, nil if none.
    static func broken(by input: Span<UInt8>) -> String? {
        guard let seed = input.isEmpty ? nil : input[0] else { return nil }
        let stream = [UInt8](copying: input.extracting(1...))
        return brokenByRewriting(stream, seed) ?? brokenByFiltering(stream, seed) ?? brokenByBody(stream)
            ?? brokenByFinding(stream, seed)
    }

    // MARK: Finding

    private static func brokenByFinding(_ stream: [UInt8], _ seed: UInt8) -> String? {
        for isEventStream in [false, true] {
            let whole = foundTask(stream, [], isEventStream)
            guard foundTask(stream, cuts(stream, seed), isEventStream) == whole else {
                return "finding a task depends on the split"
            }
        }
        let task = read(stream)?.object?["result"]?.object?["task"]?.object?["taskId"]?.string
        guard let task, stream.count <= TaskFinder.maximumLength else { return nil }
        return foundTask(stream, [], false) == task.octets ? nil : "a task was not found"
    }

    private static func foundTask(_ stream: [UInt8], _ cuts: [Int], _ isEventStream: Bool) -> [UInt8]? {
        var finder = isEventStream ? TaskFinder(eventStream: ()) : TaskFinder(jsonOfLength: nil)
        var start = 0
        for end in cuts + [stream.count] {
            if let id = finder.read(stream.span.extracting(start..<end)) { return id }
            start = end
        }
        return finder.read(Span(), isEnd: true)
    }

    // MARK: Rewriting

    private static func brokenByRewriting(_ stream: [UInt8], _ seed: UInt8) -> String? {
        let whole = rewritten(stream, [])
        guard rewritten(stream, cuts(stream, seed)) == whole else { return "rewriting depends on the split" }
        guard whole.violation == nil else { return nil }
        let before = PlainEvent.all(in: stream)
        let after = PlainEvent.all(in: whole.output)
        let endpoint = PlainEvent(type: "endpoint".octets, data: place.octets)
        let expected = before.map { $0.type == endpoint.type ? endpoint : $0 }
        guard expected != before else {
            return whole.output == stream ? nil : "a stream without endpoint event was changed"
        }
        return after == expected ? nil : "an endpoint event was not rewritten, or another event was changed"
    }

    private struct Output: Equatable {
        var output: [UInt8]
        var violation: String?
    }

    private static func rewritten(_ stream: [UInt8], _ cuts: [Int]) -> Output {
        var rewriter = EndpointRewriter(maximumEventLength: maximumEventLength)
        var output = ByteBuffer()
        var violation: String?
        do throws(EndpointViolation) {
            var start = 0
            for end in cuts + [stream.count] {
                try rewriter.rewrite(stream.span.extracting(start..<end), into: &output) { _ in place.octets }
                start = end
            }
            try rewriter.finish(into: &output) { _ in place.octets }
        } catch {
            violation = error.rawValue
        }
        return Output(output: [UInt8](copying: output.span), violation: violation)
    }

    // MARK: Filtering

    private static func brokenByFiltering(_ stream: [UInt8], _ seed: UInt8) -> String? {
        let whole = filtered(stream, [])
        guard filtered(stream, cuts(stream, seed)) == whole else { return "filtering depends on the split" }
        let after = PlainEvent.all(in: whole.output)
        if after.contains(where: { $0.isMessage && shows($0.data) }) { return "a hidden tool in a stream" }
        guard whole.violation == nil else { return nil }
        let before = PlainEvent.all(in: stream)
        guard before.count == after.count else { return "an event more or less" }
        guard filtered(whole.output, []) == whole else { return "filtering twice is not filtering once" }
        for (old, new) in zip(before, after) where !isFiltered(old, new) { return "an event was changed" }
        return nil
    }

    /// Whether `new` may come out of the filter for `old`.
    private static func isFiltered(_ old: PlainEvent, _ new: PlainEvent) -> Bool {
        guard old.isMessage, !old.data.isEmpty else { return old == new }
        return old.type == new.type && body(old.data).output == new.data
    }

    private static func filtered(_ stream: [UInt8], _ cuts: [Int]) -> Output {
        var filter = ToolListStreamFilter(maximumEventLength: maximumEventLength)
        var output = ByteBuffer()
        var violation: String?
        do throws(ToolListViolation) {
            var start = 0
            for end in cuts + [stream.count] {
                let portion = stream.span.extracting(start..<end)
                try filter.filter(portion, into: &output, isVisible: isVisible)
                start = end
            }
            try filter.finish(into: &output, isVisible: isVisible)
        } catch {
            violation = error.rawValue
        }
        return Output(output: [UInt8](copying: output.span), violation: violation)
    }

    // MARK: Bodies

    private static func brokenByBody(_ text: [UInt8]) -> String? {
        let filtered = body(text)
        let tree = read(text)
        guard filtered.violation == nil else {
            guard filtered.output.isEmpty else { return "output in spite of a violation" }
            let isRightly = filtered.violation == ToolListViolation.notJSON.rawValue && tree != nil
            return isRightly ? "JSON was taken for none" : nil
        }
        guard tree == nil || read(filtered.output) != nil else { return "what was filtered is no JSON" }
        guard !shows(filtered.output) else { return "a hidden tool in a body" }
        guard body(filtered.output) == filtered else {
            return "filtering a body twice is not filtering it once"
        }
        guard tree != nil || isLenient(text) else { return "what is no JSON was filtered" }
        return visibleNames(text) == visibleNames(filtered.output) ? nil : "a visible tool was lost"
    }

    private static func body(_ text: [UInt8]) -> Output {
        var output = ByteBuffer()
        var violation: String?
        do throws(ToolListViolation) {
            try ToolListFilter.filter(text.span, into: &output, isVisible: isVisible)
        } catch {
            violation = error.rawValue
        }
        return Output(output: [UInt8](copying: output.span), violation: violation)
    }

    /// Whether the strict reader refuses `text` for what moves no boundary.
    private static func isLenient(_ text: [UInt8]) -> Bool {
        do throws(JSONError) {
            _ = try JSONReader.read(text.span, maximumDepth: ToolListFilter.maximumDepth)
            return true
        } catch {
            switch error.reason {
            case .duplicateMember, .invalidText, .invalidNumber, .tooManyValues: return true
            default: return false
            }
        }
    }

    private static func read(_ text: [UInt8]) -> JSONValue? {
        try? JSONReader.read(text.span, maximumDepth: ToolListFilter.maximumDepth)
    }

    /// The tools of all results, as another reader of the JSON sees them.
    private static func names(_ text: [UInt8]) -> [String] {
        guard let value = read(text) else { return [] }
        return (value.array ?? [value]).flatMap { message in
            (message.object?["result"]?.object?["tools"]?.array ?? []).compactMap {
                $0.object?["name"]?.string
            }
        }
    }

    private static func shows(_ text: [UInt8]) -> Bool {
        names(text).contains { !isVisible($0.octets.span) }
    }

    private static func visibleNames(_ text: [UInt8]) -> [String] {
        names(text).filter { isVisible($0.octets.span) }
    }

    private static func isVisible(_ name: borrowing Span<UInt8>) -> Bool {
        name.isEmpty || name[0] != UInt8(ascii: "h")
    }

    private static func cuts(_ stream: [UInt8], _ seed: UInt8) -> [Int] {
        guard seed > 0 else { return Array(1..<max(stream.count, 1)) }
        var random = SplitMix(seed: UInt64(seed))
        return (0..<4).map { _ in Int.random(in: 0...stream.count, using: &random) }.sorted()
    }
}

/// An event as the standard's own algorithm reads it from a whole stream, together with what its end cuts off.
private struct PlainEvent: Equatable {
    var type: [UInt8] = []
    var data: [UInt8] = []

    var isMessage: Bool { type.isEmpty || type == "message".octets }

    static func all(in stream: [UInt8]) -> [PlainEvent] {
        var events: [PlainEvent] = []
        var current = PlainEvent()
        var lines: [[UInt8]] = []
        for line in self.lines(of: stream) + [[]] {
            if line.isEmpty {
                current.data = Array(lines.joined(separator: [0x0A]))
                if !lines.isEmpty { events.append(current) }
                current = PlainEvent()
                lines = []
                continue
            }
            let parts = line.split(separator: 0x3A, maxSplits: 1, omittingEmptySubsequences: false)
            var value = parts.count > 1 ? Array(parts[1]) : []
            if value.first == 0x20 { value.removeFirst() }
            if Array(parts[0]) == "data".octets { lines.append(value) }
            if Array(parts[0]) == "event".octets { current.type = value }
        }
        return events
    }

    private static func lines(of stream: [UInt8]) -> [[UInt8]] {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        var lines: [[UInt8]] = [[]]
        var previous: UInt8 = 0
        for octet in stream.starts(with: mark) ? stream.dropFirst(3) : stream[...] {
            defer { previous = octet }
            switch octet {
            case 0x0A where previous == 0x0D: continue
            case 0x0A, 0x0D: lines.append([])
            default: lines[lines.count - 1].append(octet)
            }
        }
        return lines
    }
}
