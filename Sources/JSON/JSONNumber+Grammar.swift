// The number grammar of RFC 8259 §6.

internal import Bytes

extension JSONNumber {
    /// The number that `text` denotes, nil if it is against the grammar or not finite.
    init?(_ text: Span<UInt8>) {
        guard let isInteger = Self.matchesGrammar(text) else { return nil }
        let string = String(lossy: text)
        if isInteger, let value = Int64(string) {
            self = .integer(value)
        } else if let value = Double(string), value.isFinite {
            self = .double(value)
        } else {
            return nil
        }
    }

    /// Whether `text` is a number without fraction and exponent; nil if it is no number.
    private static func matchesGrammar(_ text: Span<UInt8>) -> Bool? {
        var index = 0
        func digits() -> Int {
            let start = index
            while index < text.count, ASCII.isDigit(text[index]) { index += 1 }
            return index - start
        }
        if index < text.count, text[index] == UInt8(ascii: "-") { index += 1 }
        let first = index
        let whole = digits()
        guard whole > 0, whole == 1 || text[first] != UInt8(ascii: "0") else { return nil }
        let integerEnd = index
        if index < text.count, text[index] == UInt8(ascii: ".") {
            index += 1
            guard digits() > 0 else { return nil }
        }
        if index < text.count, text[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < text.count, text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-") {
                index += 1
            }
            guard digits() > 0 else { return nil }
        }
        return index == text.count ? integerEnd == text.count : nil
    }
}
