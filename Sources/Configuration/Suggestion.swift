// The nearest known word to a misspelt one.

/// Finds what the operator may have meant.
enum Suggestion {
    /// Words longer than this are not compared.
    private static let maximumLength = 64

    /// `Did you mean "…"?`, nil if no word is near.
    static func sentence(for word: String, among words: [String]) -> String? {
        guard word.utf8.count <= maximumLength else { return nil }
        let plain = folded(word)
        let nearest = words.map { (word: $0, distance: distance(plain, folded($0))) }
            .min { ($0.distance, $0.word) < ($1.distance, $1.word) }
        guard let nearest, nearest.distance <= max(1, min(3, plain.count / 2)) else { return nil }
        return "Did you mean \"\(nearest.word)\"?"
    }

    /// The word without what spellings of names differ in: case, hyphens and underscores.
    private static func folded(_ word: String) -> [Character] {
        word.lowercased().filter { $0 != "_" && $0 != "-" }
    }

    /// How many insertions, deletions and replacements make one word the other (Levenshtein).
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var row = Array(0...right.count)
        for (i, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let replaced = diagonal + (character == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
            }
        }
        return row[right.count]
    }
}
