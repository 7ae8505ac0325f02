// What holds for every text, good or bad: the fuzz target of the JSON reader.

import Bytes
import JSON

/// The invariants of `JSONReader` and `JSONWriter`.
enum JSONInvariants {
    /// The invariant that `text` breaks, nil if none.
    static func broken(by text: Span<UInt8>) -> String? {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONReader.read(text)
        } catch {
            let isInside = error.offset >= 0 && error.offset <= text.count
            return isInside && !error.sentence.isEmpty ? nil : "an offset outside of the text"
        }
        guard isInside(value, text.count) else { return "a value outside of the text" }
        let written = Self.written(value)
        guard let again = try? JSONReader.read(written.span, maximumValues: .max) else {
            return "what was written is not read"
        }
        return Self.written(again) == written ? nil : "writing does not settle"
    }

    private static func written(_ value: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(value)
        let buffer = writer.finish()
        return Array(copying: buffer.span)
    }

    private static func isInside(_ value: JSONValue, _ count: Int) -> Bool {
        guard value.offset >= 0, value.offset < count else { return false }
        if let elements = value.array { return elements.allSatisfy { isInside($0, count) } }
        guard let members = value.object?.members else { return true }
        return members.allSatisfy { $0.nameOffset < $0.value.offset && isInside($0.value, count) }
    }
}
