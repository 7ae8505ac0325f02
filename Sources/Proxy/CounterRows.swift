// Rows of plain counters, which one thread changes and others look at without stopping it.

/// A row of counters for each of many things, by number. Rows that nothing was counted in take no memory.
///
/// The rows lie in small pages. Whoever takes a copy shares them all at once, and after that each page is copied when a
/// counter in it changes for the first time: looking at 10,000 rows never makes their owner copy 10,000 rows.
public struct CounterRows: Sendable {
    /// Rows that are copied together.
    private static let rowsOfPage = 32

    /// Counters in a row.
    public let width: Int
    private var pages: [[Int]] = []

    /// Makes rows of `width` counters that are all 0.
    public init(width: Int) {
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

    /// Adds to a counter.
    mutating func add(_ amount: Int = 1, row: Int, _ column: Int) {
        let page = row / Self.rowsOfPage
        if page >= pages.count || pages[page].isEmpty { makePage(page) }
        pages[page][row % Self.rowsOfPage * width + column] &+= amount
    }

    /// Sets a counter that stands for a present number.
    mutating func set(_ value: Int, row: Int, _ column: Int) {
        let page = row / Self.rowsOfPage
        if page >= pages.count || pages[page].isEmpty { makePage(page) }
        pages[page][row % Self.rowsOfPage * width + column] = value
    }

    /// Makes a row ready for something else.
    mutating func clear(row: Int) {
        let page = row / Self.rowsOfPage
        guard page < pages.count, !pages[page].isEmpty else { return }
        let start = row % Self.rowsOfPage * width
        for index in start..<start + width { pages[page][index] = 0 }
    }

    private mutating func makePage(_ page: Int) {
        while pages.count <= page { pages.append([]) }
        pages[page] = Array(repeating: 0, count: Self.rowsOfPage * width)
    }
}

/// How often each of few codes was counted in each of many rows: only what was counted takes memory.
public struct CodeRows: Sendable {
    /// Rows that are copied together.
    private static let rowsOfPage = 32

    private let codes: Int
    private var pages: [[Int: Int]] = []

    /// Makes rows for codes below `codes`.
    public init(codes: Int) {
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
