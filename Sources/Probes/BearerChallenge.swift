// Reads `WWW-Authenticate` as clients do (RFC 9110 §11.6.1, RFC 6750 §3).

internal import Bytes

/// A Bearer challenge with its parameters.
struct BearerChallenge: Equatable {
    /// Name in lower case to value; where a name comes twice the first counts.
    private(set) var parameters: [String: String] = [:]

    /// What is wrong with the token; nil where none was sent.
    var error: String? { parameters["error"] }
    /// Address of the metadata document (RFC 9728 §5.1).
    var resourceMetadata: String? { parameters["resource_metadata"] }

    /// The Bearer challenges of field values, in their order; what follows a breach of the grammar is not read.
    static func all(in values: [String]) -> [BearerChallenge] {
        values.flatMap { value in
            var reader = ChallengeReader(rest: value.octets[...])
            return reader.challenges().filter { $0.scheme == "bearer" }
                .map { BearerChallenge(parameters: $0.parameters) }
        }
    }
}

/// Reads one field value.
private struct ChallengeReader {
    struct Challenge {
        /// In lower case.
        let scheme: String
        var parameters: [String: String] = [:]
    }

    var rest: ArraySlice<UInt8>

    mutating func challenges() -> [Challenge] {
        var challenges: [Challenge] = []
        while true {
            skip { $0 == ASCII.space || $0 == ASCII.tab || $0 == UInt8(ascii: ",") }
            guard let word = token()?.lowercased() else { return challenges }
            skip { $0 == ASCII.space || $0 == ASCII.tab }
            guard rest.first == UInt8(ascii: "=") else {
                challenges.append(Challenge(scheme: word))
                continue
            }
            rest.removeFirst()
            skip { $0 == ASCII.space || $0 == ASCII.tab }
            guard let value = rest.first == UInt8(ascii: "\"") ? quotedString() : token() else {
                // The end of a `token68`, or no value at all.
                skip { $0 == UInt8(ascii: "=") }
                continue
            }
            guard let last = challenges.indices.last else { return [] }
            if challenges[last].parameters[word] == nil { challenges[last].parameters[word] = value }
        }
    }

    private mutating func skip(while isPassed: (UInt8) -> Bool) {
        rest = rest.drop(while: isPassed)
    }

    private mutating func token() -> String? {
        let text = rest.prefix { ASCII.isTokenCharacter($0) }
        rest = rest.dropFirst(text.count)
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// The text between quotation marks; nil, and nothing left to read, if the second is missing.
    private mutating func quotedString() -> String? {
        var text: [UInt8] = []
        rest.removeFirst()
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                text.append(escaped)
            default: text.append(byte)
            }
        }
        return nil
    }
}
