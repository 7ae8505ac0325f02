// Collects problems, so that one run reports them all.

/// The problems found so far in one configuration.
final class Findings {
    private var diagnostics: [Diagnostic] = []

    /// Whether any of them is an error.
    var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    /// Adds a problem at the byte at `offset` of `source`.
    func add(
        _ severity: Diagnostic.Severity,
        in source: SourceText,
        at offset: Int,
        _ pointer: String,
        _ problem: String,
        _ remedy: String
    ) {
        let place = source.position(of: offset)
        diagnostics.append(
            Diagnostic(
                file: source.name,
                line: place.line,
                column: place.column,
                pointer: pointer,
                problem: problem,
                remedy: remedy,
                severity: severity
            )
        )
    }

    /// All problems in the order of the text, those of the file called `first` before those of included files.
    func sorted(first: String) -> [Diagnostic] {
        func key(_ diagnostic: Diagnostic) -> (Int, String, Int, Int) {
            (diagnostic.file == first ? 0 : 1, diagnostic.file, diagnostic.line, diagnostic.column)
        }
        return diagnostics.sorted { key($0) < key($1) }
    }
}
