// What has to change in a JSON text so that a token sees its own tools only.

internal import Bytes
internal import JSON

/// The cuts and replacements in one JSON text: a JSON-RPC message, or an array of them (2025-03-26).
struct ToolListEdits {
    private struct Edit {
        let range: Range<Int>
        let replacement: StaticString
    }

    private var edits: [Edit] = []
    private var walker = ToolListWalker()

    /// Whether the text may go on as it is.
    var isEmpty: Bool { edits.isEmpty }

    /// Finds the edits of `text`.
    init(
        of text: borrowing Span<UInt8>,
        isVisible: (borrowing Span<UInt8>) -> Bool
    ) throws(ToolListViolation) {
        guard Self.isUnicode(text) else { throw .notJSON }
        switch try walker.peek(text) {
        case UInt8(ascii: "{"): try message(text, isVisible)
        case UInt8(ascii: "["):
            guard try walker.enter(text, until: UInt8(ascii: "]")) else { break }
            repeat {
                switch try walker.peek(text) {
                case UInt8(ascii: "{"): try message(text, isVisible)
                // No revision has arrays in arrays, and some reader may flatten them.
                case UInt8(ascii: "["): throw .malformed
                default: try walker.value(text)
                }
            } while try walker.hasNext(text, until: UInt8(ascii: "]"))
        default: try walker.value(text)
        }
        try walker.finish(text)
        edits.sort { $0.range.lowerBound < $1.range.lowerBound }
    }

    /// Writes `text`, from which the edits were found, with the edits applied.
    func apply(to text: borrowing Span<UInt8>, into output: inout ByteBuffer) {
        var start = 0
        for edit in edits {
            output.append(text.extracting(start..<edit.range.lowerBound))
            output.append(edit.replacement)
            start = edit.range.upperBound
        }
        output.append(text.extracting(start...))
    }

    private static func isUnicode(_ text: borrowing Span<UInt8>) -> Bool {
        do {
            _ = try UTF8Span(validating: copy text)
            return true
        } catch {
            return false
        }
    }

    /// Reads the object that is next as a message: only its `result` matters, whatever else it has.
    private mutating func message(
        _ text: borrowing Span<UInt8>,
        _ isVisible: (borrowing Span<UInt8>) -> Bool
    ) throws(ToolListViolation) {
        guard try walker.enter(text, until: UInt8(ascii: "}")) else { return }
        var hasResult = false
        repeat {
            let name = try decoded(try walker.memberName(text), in: text)
            guard try Self.isMember(name, "result") else {
                try walker.value(text)
                continue
            }
            guard !hasResult else { throw .duplicateMember }
            hasResult = true
            if try walker.peek(text) == UInt8(ascii: "{") {
                try result(text, isVisible)
            } else {
                try walker.value(text)
            }
        } while try walker.hasNext(text, until: UInt8(ascii: "}"))
    }

    private mutating func result(
        _ text: borrowing Span<UInt8>,
        _ isVisible: (borrowing Span<UInt8>) -> Bool
    ) throws(ToolListViolation) {
        guard try walker.enter(text, until: UInt8(ascii: "}")) else { return }
        var hasTools = false
        var cacheScope: Range<Int>?
        var timeToLive: Range<Int>?
        repeat {
            let name = try decoded(try walker.memberName(text), in: text)
            if try Self.isMember(name, "tools") {
                guard !hasTools else { throw .duplicateMember }
                hasTools = true
                try tools(text, isVisible)
            } else if name.span.equals("cacheScope" as StaticString) {
                guard cacheScope == nil else { throw .duplicateMember }
                cacheScope = try walker.value(text)
            } else if name.span.equals("ttlMs" as StaticString) {
                timeToLive = try walker.value(text)
            } else {
                try walker.value(text)
            }
        } while try walker.hasNext(text, until: UInt8(ascii: "}"))
        guard hasTools else { return }
        makePrivate(text, cacheScope, timeToLive)
    }

    /// What depends on the token may not be stored for others.
    private mutating func makePrivate(
        _ text: borrowing Span<UInt8>,
        _ cacheScope: Range<Int>?,
        _ timeToLive: Range<Int>?
    ) {
        if let cacheScope {
            guard !text.extracting(cacheScope).equals("\"private\"" as StaticString) else { return }
            edits.append(Edit(range: cacheScope, replacement: "\"private\""))
        } else if let end = timeToLive?.upperBound {
            edits.append(Edit(range: end..<end, replacement: ",\"cacheScope\":\"private\""))
        }
    }

    /// Cuts the elements of the array that is next which are not visible, each with one comma.
    private mutating func tools(
        _ text: borrowing Span<UInt8>,
        _ isVisible: (borrowing Span<UInt8>) -> Bool
    ) throws(ToolListViolation) {
        guard try walker.peek(text) == UInt8(ascii: "[") else { throw .malformed }
        guard try walker.enter(text, until: UInt8(ascii: "]")) else { return }
        /// Where to cut from if this element goes: behind the last one that stays, or at the first one.
        var cutStart: Int?
        var stays = false
        var end = walker.offset
        repeat {
            guard try walker.peek(text) == UInt8(ascii: "{") else { throw .malformed }
            let start = walker.offset
            if try isVisibleTool(text, isVisible) {
                if let cutStart {
                    edits.append(Edit(range: cutStart..<(stays ? end : start), replacement: ""))
                }
                cutStart = nil
                stays = true
            } else if cutStart == nil {
                cutStart = stays ? end : start
            }
            end = walker.offset
        } while try walker.hasNext(text, until: UInt8(ascii: "]"))
        guard let cutStart else { return }
        edits.append(Edit(range: cutStart..<end, replacement: ""))
    }

    /// Reads the object that is next as a tool.
    private mutating func isVisibleTool(
        _ text: borrowing Span<UInt8>,
        _ isVisible: (borrowing Span<UInt8>) -> Bool
    ) throws(ToolListViolation) -> Bool {
        guard try walker.enter(text, until: UInt8(ascii: "}")) else { throw .malformed }
        var toolName: [UInt8]?
        repeat {
            let name = try decoded(try walker.memberName(text), in: text)
            guard try Self.isMember(name, "name") else {
                try walker.value(text)
                continue
            }
            guard toolName == nil else { throw .duplicateMember }
            guard try walker.peek(text) == UInt8(ascii: "\"") else { throw .malformed }
            toolName = try decoded(try walker.string(text), in: text)
        } while try walker.hasNext(text, until: UInt8(ascii: "}"))
        guard let toolName else { throw .malformed }
        return isVisible(toolName.span)
    }

    /// Whether a member has this name, which is in lower case; other spellings of it would be it to some readers.
    private static func isMember(_ name: [UInt8], _ expected: StaticString) throws(ToolListViolation) -> Bool
    {
        if name.span.equals(expected) { return true }
        guard !name.span.isCaseVariant(of: expected) else { throw .variantMember }
        return false
    }

    /// The octets of a string with its escapes resolved; half of a surrogate pair is no text.
    private func decoded(
        _ content: ToolListWalker.StringContent,
        in text: borrowing Span<UInt8>
    ) throws(ToolListViolation) -> [UInt8] {
        guard content.hasEscapes else {
            return [UInt8](copying: text.extracting(content.start..<content.end))
        }
        do throws(JSONError) {
            let quoted = text.extracting(content.start - 1..<content.end + 1)
            return try JSONReader.read(quoted).string?.octets ?? []
        } catch {
            throw .malformed
        }
    }
}
