// A table for people.

/// Rows of text in aligned columns.
struct TextTable {
    /// Widest column but the last; what does not fit pushes the next cell to the next line.
    private static let maximumWidth = 56

    private var rows: [[String]]

    /// Starts a table with the names of its columns.
    init(_ header: [String]) {
        rows = [header]
    }

    /// Adds a row with a cell for each column.
    mutating func add(_ row: [String]) {
        rows.append(row)
    }

    /// Adds a line over all columns.
    mutating func add(heading: String) {
        rows.append([heading])
    }

    /// The lines of the table, without blanks at their ends.
    var lines: [String] {
        var starts = [0]
        for column in 0..<(rows[0].count - 1) {
            let widest = rows.filter { $0.count > 1 }.map { $0[column].unicodeScalars.count }.max() ?? 0
            starts.append(starts[column] + min(widest, Self.maximumWidth) + 2)
        }
        return rows.flatMap { Self.lines(of: $0, starts) }
    }

    private static func lines(of row: [String], _ starts: [Int]) -> [String] {
        var lines: [String] = []
        var line = ""
        for (cell, start) in zip(row, starts) where !cell.isEmpty {
            if start > 0, line.unicodeScalars.count + 2 > start {
                lines.append(line)
                line = ""
            }
            line += String(repeating: " ", count: start - line.unicodeScalars.count) + cell
        }
        return lines + [line]
    }
}
