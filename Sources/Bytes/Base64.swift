// base64 with padding, read strictly (RFC 4648 §4).

/// The encoding of RFC 4648 §4, as `Authorization: Basic` and mirrored MCP fields use it.
public enum Base64 {
    /// The bytes that `text` encodes, nil if the alphabet or the padding is wrong.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count % 4 == 0, !text.contains("-"), !text.contains("_") else { return nil }
        let padding = text.utf8.suffix(2).filter { $0 == UInt8(ascii: "=") }.count
        let characters = text.dropLast(padding).map { character -> Character in
            switch character {
            case "+": "-"
            case "/": "_"
            default: character
            }
        }
        return Base64URL.decode(String(characters))
    }
}
