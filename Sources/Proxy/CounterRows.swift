// Rows of plain counters, which one thread changes and others look at without stopping it.

/// A row of counters for each of many things, by number, as they were at one moment.
public struct CounterTable: Sendable {
    /// Rows that are copied together.
    fileprivate static let rowsOfPage = 32

    /// Counters in a row.
    public let width: Int
    fileprivate var pages: [[Int]] = []

    fileprivate init(width: Int) {
        self.width = width
    }

    /// One counter.
    public subscript(row: Int, column: Int) -> Int {
        let page = row / Self.rowsOfPage
        guard page < pages.count, !pages[page].isEmpty else { return 0 }
        return pages[page][row % Self.rowsOfPage * width + column]
    }

    /// All counters of a row, nil if nothing was ever counted near it.
    public subscript(row: Int) -> ArraySlice<Int>? {
        let page = row / Self.rowsOfPage
        guard page < pages.count, !pages[page].isEmpty else { return nil }
        let start = row % Self.rowsOfPage * width
        return pages[page][start..<start + width]
    }
}

/// Counts in a table. Rows that nothing was counted in take no memory.
///
/// The rows lie in small pages. Whoever gets the table shares them all at once, and after that each page is copied when a
/// counter in it changes for the first time: looking at 10,000 rows never makes their owner copy 10,000 rows.
final class CounterRows {
    private let width: Int
    private var pages: [[Int]] = []

    /// Makes rows of `width` counters that are all 0.
    init(width: Int) {
        self.width = width
    }

    /// The counters of now.
    var table: CounterTable {
        var table = CounterTable(width: width)
        table.pages = pages
        return table
    }

    /// Changes several counters of a row at once; they begin at the index that `change` gets.
    func change(row: Int, _ change: (inout MutableSpan<Int>, Int) -> Void) {
        let page = row / CounterTable.rowsOfPage
        if page >= pages.count || pages[page].isEmpty { makePage(page) }
        Self.change(&pages[page], at: row % CounterTable.rowsOfPage * width, change)
    }

    @inline(__always)
    private static func change(
        _ page: inout [Int],
        at start: Int,
        _ change: (inout MutableSpan<Int>, Int) -> Void
    ) {
        var counters = page.mutableSpan
        change(&counters, start)
    }

    /// Adds to a counter.
    func add(_ amount: Int = 1, row: Int, _ column: Int) {
        change(row: row) { $0[$1 + column] &+= amount }
    }

    /// Sets a counter that stands for a present number.
    func set(_ value: Int, row: Int, _ column: Int) {
        change(row: row) { $0[$1 + column] = value }
    }

    /// Makes a row ready for something else.
    func clear(row: Int) {
        let page = row / CounterTable.rowsOfPage
        guard page < pages.count, !pages[page].isEmpty else { return }
        change(row: row) { [width] counters, start in
            for column in 0..<width { counters[start + column] = 0 }
        }
    }

    private func makePage(_ page: Int) {
        while pages.count <= page { pages.append([]) }
        pages[page] = Array(repeating: 0, count: CounterTable.rowsOfPage * width)
    }
}

/// How often each of few codes was counted in each of many rows: only what was counted takes memory.
public struct CodeRows: Sendable {
    /// Rows that are copied together.
    private static let rowsOfPage = 32

    private let codes: Int
    private var pages: [[Int: Int]] = []

    /// Makes rows for codes below `codes`.
    init(codes: Int) {
        self.codes = codes
    }

    /// The codes that were counted in a row, with how often.
    public subscript(row: Int) -> [Int: Int] {
        let page = row / Self.rowsOfPage
        guard page < pages.count else { return [:] }
        let first = row % Self.rowsOfPage * codes
        var found: [Int: Int] = [:]
        for (key, count) in pages[page] where key >= first && key < first + codes {
            found[key - first] = count
        }
        return found
    }

    /// How often a code was counted in a row.
    public subscript(row: Int, code: Int) -> Int {
        let page = row / Self.rowsOfPage
        guard page < pages.count else { return 0 }
        return pages[page][row % Self.rowsOfPage * codes + code] ?? 0
    }

    /// Calls `body` with each row, code and count that there is.
    public func forEach(_ body: (_ row: Int, _ code: Int, _ count: Int) -> Void) {
        for (page, counts) in pages.enumerated() {
            for (key, count) in counts { body(page * Self.rowsOfPage + key / codes, key % codes, count) }
        }
    }

    /// Counts a code.
    mutating func add(row: Int, code: Int) {
        let page = row / Self.rowsOfPage
        while pages.count <= page { pages.append([:]) }
        pages[page][row % Self.rowsOfPage * codes + code, default: 0] += 1
    }

    /// Makes a row ready for something else.
    mutating func clear(row: Int) {
        let page = row / Self.rowsOfPage
        guard page < pages.count, !pages[page].isEmpty else { return }
        let first = row % Self.rowsOfPage * codes
        pages[page] = pages[page].filter { $0.key < first || $0.key >= first + codes }
    }
}
