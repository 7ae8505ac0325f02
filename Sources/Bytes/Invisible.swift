// Characters that change how text is shown and are not seen themselves.

extension Unicode.Scalar {
    /// Whether the character moves a cursor, ends a line, or turns the order of what is shown: controls (C0, DEL and C1),
    /// line and paragraph separators, marks of direction, and the byte order mark.
    public var isInvisible: Bool {
        switch value {
        case 0x00...0x1F, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}

extension String {
    /// The text with `\u{…}` for each invisible character, for people to read: what others have chosen cannot pretend to
    /// be another line of a message.
    public var showingInvisible: String {
        guard unicodeScalars.contains(where: \.isInvisible) else { return self }
        var shown = ""
        for scalar in unicodeScalars {
            if scalar.isInvisible {
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
