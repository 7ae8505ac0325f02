// Names that are another one to readers that ignore case.

internal import Bytes

extension Span<UInt8> {
    /// Whether the name is `lowercase` to a reader that ignores case. Those readers differ in what they fold, so all count
    /// that any of them folds to an ASCII letter: the long s and the Kelvin sign (simple case folding), the Turkish
    /// capital and small i (case mapping by character).
    func isCaseVariant(of lowercase: StaticString) -> Bool {
        let length = lowercase.utf8CodeUnitCount
        guard count >= length else { return false }
        guard count > length else { return equalsIgnoringCase(lowercase) }
        // A folded character takes two octets or three for one.
        guard count <= 3 * length else { return false }
        var folded = InlineArray<48, UInt8>(repeating: 0)
        var foldedCount = 0
        var index = 0
        while index < count {
            guard foldedCount < length, foldedCount < folded.count else { return false }
            let (letter, octets) = folding(at: index)
            folded[foldedCount] = letter
            foldedCount += 1
            index += octets
        }
        return folded.span.extracting(0..<foldedCount).equals(lowercase)
    }

    /// The lower-case letter that the character at `index` folds to, and the character's octets.
    private func folding(at index: Int) -> (UInt8, Int) {
        let byte = self[index]
        guard byte >= 0x80, index + 1 < count else { return (ASCII.lowercased(byte), 1) }
        switch (byte, self[index + 1]) {
        case (0xC4, 0xB0), (0xC4, 0xB1): return (UInt8(ascii: "i"), 2)
        case (0xC5, 0xBF): return (UInt8(ascii: "s"), 2)
        case (0xE2, 0x84) where index + 2 < count && self[index + 2] == 0xAA:
            return (UInt8(ascii: "k"), 3)
        default: return (byte, 1)
        }
    }
}
